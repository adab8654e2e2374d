/* IPv4 addresses and networks. Pure, any thread. */
#ifndef BURSTD_BASE_IPV4_H
#define BURSTD_BASE_IPV4_H

#include <stdbool.h>
#include <stdint.h>

struct ipv4_network {
	uint32_t address; /* host byte order */
	unsigned bits;    /* 0 to 32 */
};

/*
 * Reads "192.0.2.0/24", or an address alone as its /32: dotted decimal without leading zeros, host bits zero. false: anything
 * else, *ret untouched.
 */
bool ipv4_network_parse(const char *text, struct ipv4_network *ret);

#define IPV4_NETWORK_SIZE 19 /* "255.255.255.255/32" */
const char *ipv4_network_text(struct ipv4_network, char out[IPV4_NETWORK_SIZE]);

uint32_t ipv4_network_mask(struct ipv4_network);
/* "192.0.2.1", of an address in host byte order. */
const char *ipv4_address_text(uint32_t address, char out[IPV4_NETWORK_SIZE]);

/* Whether every address of `inner` is one of `outer`. */
bool ipv4_network_covers(struct ipv4_network outer, struct ipv4_network inner);

#endif
