/* GET /openapi.yaml: the contract, built into the binary. */
#include "handlers/handlers.h"

__asm__(".section .rodata\n"
	".global contract_begin\n"
	".global contract_end\n"
	"contract_begin:\n"
	".incbin \"openapi/openapi.yaml\"\n"
	"contract_end:\n"
	".byte 0\n"
	".previous\n");

extern const char contract_begin[];
extern const char contract_end[];

struct done *contract_get(struct req *r)
{
	return reply_static(r, "application/yaml", contract_begin, (size_t)(contract_end - contract_begin));
}
