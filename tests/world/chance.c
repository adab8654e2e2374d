/* Seeded random numbers: splitmix64 fills the state of xoshiro256**. The same seed gives the same world. */
#include <math.h>

#include "tests/world/internal.h"

uint64_t chance_hash(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

void chance_seed(struct chance *c, uint64_t seed)
{
	for (size_t i = 0; i < ARRAY_LEN(c->s); i++) {
		c->s[i] = chance_hash(seed);
		seed += 0x9e3779b97f4a7c15u;
	}
}

static uint64_t rotate(uint64_t x, int by)
{
	return (x << by) | (x >> (64 - by));
}

uint64_t chance_next(struct chance *c)
{
	uint64_t *s = c->s;
	uint64_t result = rotate(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

double chance_unit(struct chance *c)
{
	return (double)(chance_next(c) >> 11) * 0x1p-53;
}

double chance_between(struct chance *c, double least, double most)
{
	return least + (most - least) * chance_unit(c);
}

double chance_exp(struct chance *c, double mean)
{
	return -mean * log1p(-chance_unit(c));
}

uint64_t chance_below(struct chance *c, uint64_t n)
{
	/* the bias of the remainder is far below anything a model of a morning could show */
	return chance_next(c) % n;
}
