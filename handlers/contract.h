/* The contract, built into the binary as it stands in openapi/openapi.yaml. */
#ifndef BURSTD_HANDLERS_CONTRACT_H
#define BURSTD_HANDLERS_CONTRACT_H

#include <stddef.h>

extern const char contract_begin[];
extern const char contract_end[];

static inline size_t contract_length(void)
{
	return (size_t)(contract_end - contract_begin);
}

#endif
