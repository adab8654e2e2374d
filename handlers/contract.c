/* GET /openapi.yaml: the contract, built into the binary. */
#include "handlers/contract.h"
#include "handlers/handlers.h"

__asm__(".section .rodata\n"
	".global contract_begin\n"
	".global contract_end\n"
	"contract_begin:\n"
	".incbin \"openapi/openapi.yaml\"\n"
	"contract_end:\n"
	".byte 0\n"
	".previous\n");

struct done *contract_get(struct req *r)
{
	return reply_static(r, "application/yaml", contract_begin, contract_length());
}
