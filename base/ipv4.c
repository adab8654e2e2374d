#include "base/ipv4.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t mask_of(unsigned bits)
{
	return bits ? UINT32_MAX << (32 - bits) : 0;
}

/* "0" to "32", written in the one way. */
static bool read_bits(const char *text, unsigned *ret)
{
	size_t digits = strspn(text, "0123456789");

	if (digits < 1 || digits > 2 || text[digits] || (digits == 2 && *text == '0'))
		return false;
	*ret = (unsigned)strtoul(text, NULL, 10);
	return *ret <= 32;
}

bool ipv4_network_parse(const char *text, struct ipv4_network *ret)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	struct ipv4_network n = {.bits = 32};
	char address[INET_ADDRSTRLEN];
	struct in_addr a;

	if (len >= sizeof(address) || (slash && !read_bits(slash + 1, &n.bits)))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (inet_pton(AF_INET, address, &a) != 1)
		return false;
	n.address = ntohl(a.s_addr);
	if (n.address & ~mask_of(n.bits))
		return false;
	*ret = n;
	return true;
}

const char *ipv4_network_text(struct ipv4_network n, char out[IPV4_NETWORK_SIZE])
{
	(void)snprintf(out, IPV4_NETWORK_SIZE, "%u.%u.%u.%u/%u", n.address >> 24, n.address >> 16 & 255,
		       n.address >> 8 & 255, n.address & 255, n.bits & 63);
	return out;
}

const char *ipv4_address_text(uint32_t address, char out[IPV4_NETWORK_SIZE])
{
	(void)snprintf(out, IPV4_NETWORK_SIZE, "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
		       address >> 8 & 255, address & 255);
	return out;
}

uint32_t ipv4_network_mask(struct ipv4_network n)
{
	return mask_of(n.bits);
}

bool ipv4_network_covers(struct ipv4_network outer, struct ipv4_network inner)
{
	return outer.bits <= inner.bits && ((outer.address ^ inner.address) & mask_of(outer.bits)) == 0;
}
