/* The states of an intent: the one table of moves, who carries each state's deed out, and the words for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fleet/event.h"
#include "fleet/intent.h"
#include "fleet/lifecycle.h"

struct move {
	enum intent_kind kind;
	enum intent_state from;
	enum intent_state to;
};

/* Each move that the header draws; every other one must be refused. */
static const struct move allowed[] = {
	{INTENT_START, INTENT_STARTING, INTENT_STARTING},
	{INTENT_START, INTENT_STARTING, INTENT_BOOTING},
	{INTENT_START, INTENT_STARTING, INTENT_FAILED},
	{INTENT_START, INTENT_STARTING, INTENT_ABANDONED},
	{INTENT_START, INTENT_BOOTING, INTENT_BOOTING},
	{INTENT_START, INTENT_BOOTING, INTENT_DONE},
	{INTENT_START, INTENT_BOOTING, INTENT_FAILED},
	{INTENT_START, INTENT_BOOTING, INTENT_ABANDONED},

	{INTENT_STOP, INTENT_MAINTENANCE_ON, INTENT_MAINTENANCE_ON},
	{INTENT_STOP, INTENT_MAINTENANCE_ON, INTENT_WAITING},
	{INTENT_STOP, INTENT_MAINTENANCE_ON, INTENT_CANCELLING},
	{INTENT_STOP, INTENT_MAINTENANCE_ON, INTENT_STOPPING}, /* RULE E7: force */
	{INTENT_STOP, INTENT_MAINTENANCE_ON, INTENT_MAINTENANCE_OFF},
	{INTENT_STOP, INTENT_MAINTENANCE_ON, INTENT_ABANDONED},
	{INTENT_STOP, INTENT_WAITING, INTENT_WAITING},
	{INTENT_STOP, INTENT_WAITING, INTENT_STOPPING},
	{INTENT_STOP, INTENT_WAITING, INTENT_CANCELLING},
	{INTENT_STOP, INTENT_WAITING, INTENT_MAINTENANCE_OFF},
	{INTENT_STOP, INTENT_WAITING, INTENT_ABANDONED},
	{INTENT_STOP, INTENT_STOPPING, INTENT_STOPPING},
	{INTENT_STOP, INTENT_STOPPING, INTENT_WAITING}, /* RULE E1: the last look found it busy */
	{INTENT_STOP, INTENT_STOPPING, INTENT_AWAITING_STOPPED},
	{INTENT_STOP, INTENT_STOPPING, INTENT_MAINTENANCE_OFF},
	{INTENT_STOP, INTENT_STOPPING, INTENT_FAILED},
	{INTENT_STOP, INTENT_STOPPING, INTENT_ABANDONED},
	{INTENT_STOP, INTENT_AWAITING_STOPPED, INTENT_AWAITING_STOPPED},
	{INTENT_STOP, INTENT_AWAITING_STOPPED, INTENT_MAINTENANCE_OFF},
	{INTENT_STOP, INTENT_AWAITING_STOPPED, INTENT_ABANDONED},
	{INTENT_STOP, INTENT_MAINTENANCE_OFF, INTENT_MAINTENANCE_OFF},
	{INTENT_STOP, INTENT_MAINTENANCE_OFF, INTENT_DONE},
	{INTENT_STOP, INTENT_MAINTENANCE_OFF, INTENT_ABANDONED},
	{INTENT_STOP, INTENT_CANCELLING, INTENT_CANCELLING},
	{INTENT_STOP, INTENT_CANCELLING, INTENT_CANCELLED},
	{INTENT_STOP, INTENT_CANCELLING, INTENT_ABANDONED},

	{INTENT_MAINTENANCE, INTENT_APPLYING, INTENT_APPLYING},
	{INTENT_MAINTENANCE, INTENT_APPLYING, INTENT_DONE},
	{INTENT_MAINTENANCE, INTENT_APPLYING, INTENT_FAILED},
	{INTENT_MAINTENANCE, INTENT_APPLYING, INTENT_ABANDONED},
	{INTENT_LOCATION_CREATE, INTENT_APPLYING, INTENT_APPLYING},
	{INTENT_LOCATION_CREATE, INTENT_APPLYING, INTENT_DONE},
	{INTENT_LOCATION_CREATE, INTENT_APPLYING, INTENT_FAILED},
	{INTENT_LOCATION_CREATE, INTENT_APPLYING, INTENT_ABANDONED},
	{INTENT_LOCATION_UPDATE, INTENT_APPLYING, INTENT_APPLYING},
	{INTENT_LOCATION_UPDATE, INTENT_APPLYING, INTENT_DONE},
	{INTENT_LOCATION_UPDATE, INTENT_APPLYING, INTENT_FAILED},
	{INTENT_LOCATION_UPDATE, INTENT_APPLYING, INTENT_ABANDONED},
	{INTENT_LOCATION_DELETE, INTENT_APPLYING, INTENT_APPLYING},
	{INTENT_LOCATION_DELETE, INTENT_APPLYING, INTENT_DONE},
	{INTENT_LOCATION_DELETE, INTENT_APPLYING, INTENT_FAILED},
	{INTENT_LOCATION_DELETE, INTENT_APPLYING, INTENT_ABANDONED},
};

static bool is_allowed(enum intent_kind kind, enum intent_state from, enum intent_state to)
{
	static const enum intent_state steps[][2] = {
		{INTENT_WORKING, INTENT_WORKING},
		{INTENT_WORKING, INTENT_NEEDS_PERSON},
		{INTENT_WORKING, INTENT_HALTED},
		{INTENT_WORKING, INTENT_UNDOING},
		{INTENT_WORKING, INTENT_DONE},
		{INTENT_WORKING, INTENT_FAILED},
		{INTENT_NEEDS_PERSON, INTENT_NEEDS_PERSON},
		{INTENT_NEEDS_PERSON, INTENT_WORKING},
		{INTENT_NEEDS_PERSON, INTENT_HALTED},
		{INTENT_NEEDS_PERSON, INTENT_UNDOING},
		{INTENT_HALTED, INTENT_HALTED},
		{INTENT_HALTED, INTENT_WORKING},
		{INTENT_HALTED, INTENT_UNDOING},
		{INTENT_HALTED, INTENT_ABANDONED},
		{INTENT_UNDOING, INTENT_UNDOING},
		{INTENT_UNDOING, INTENT_HALTED},
		{INTENT_UNDOING, INTENT_CANCELLED},
	};

	for (size_t i = 0; intent_has_steps(kind) && i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i][0] == from && steps[i][1] == to)
			return true;
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (allowed[i].kind == kind && allowed[i].from == from && allowed[i].to == to)
			return true;
	return false;
}

static void every_move_is_as_drawn(void **state)
{
	(void)state;
	for (int kind = INTENT_START; kind < INTENT_KINDS; kind++)
		for (int from = 0; from < INTENT_STATE_COUNT; from++)
			for (int to = 0; to < INTENT_STATE_COUNT; to++)
				if (intent_may_move((enum intent_kind)kind, (enum intent_state)from,
						    (enum intent_state)to) !=
				    is_allowed((enum intent_kind)kind, (enum intent_state)from,
					       (enum intent_state)to))
					fail_msg("%s: %s -> %s", intent_kind_text((enum intent_kind)kind),
						 intent_state_text((enum intent_state)from),
						 intent_state_text((enum intent_state)to));
}

/* RULE E5: once StopInstances may have been sent, a drain can no longer be cancelled. */
static void no_cancel_after_the_stop(void **state)
{
	static const enum intent_state late[] = {INTENT_STOPPING, INTENT_AWAITING_STOPPED,
						 INTENT_MAINTENANCE_OFF};

	(void)state;
	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++)
		assert_false(intent_may_move(INTENT_STOP, late[i], INTENT_CANCELLING));
}

/* RULE E5: a drain reaches StopInstances through the wait, and the end of a stop through maintenance mode off. */
static void a_closed_intent_stays_closed(void **state)
{
	(void)state;
	for (int from = 0; from < INTENT_STATE_COUNT; from++) {
		bool leaves = false;

		for (int kind = INTENT_START; kind < INTENT_KINDS; kind++)
			for (int to = 0; to < INTENT_STATE_COUNT; to++)
				leaves |= intent_may_move((enum intent_kind)kind, (enum intent_state)from,
							  (enum intent_state)to);
		assert_int_equal(leaves, intent_is_open((enum intent_state)from));
	}
	assert_false(intent_may_move(INTENT_STOP, INTENT_AWAITING_STOPPED, INTENT_DONE));
}

static void deeds(void **state)
{
	static const enum intent_actor wanted[INTENT_STATE_COUNT] = {
		[INTENT_STARTING] = ACTOR_EC2,
		[INTENT_STOPPING] = ACTOR_EC2,
		[INTENT_MAINTENANCE_ON] = ACTOR_INFINITY,
		[INTENT_MAINTENANCE_OFF] = ACTOR_INFINITY,
		[INTENT_CANCELLING] = ACTOR_INFINITY,
		[INTENT_APPLYING] = ACTOR_INFINITY,
		[INTENT_WORKING] = ACTOR_LIFECYCLE,
		[INTENT_NEEDS_PERSON] = ACTOR_LIFECYCLE,
		[INTENT_UNDOING] = ACTOR_LIFECYCLE,
	};

	(void)state;
	for (int i = 0; i < INTENT_STATE_COUNT; i++)
		assert_int_equal(intent_deed((enum intent_state)i), wanted[i]);
}

static void words_go_both_ways(void **state)
{
	enum intent_state s;
	enum intent_kind k;
	enum event_type t;

	(void)state;
	for (int i = 0; i < INTENT_STATE_COUNT; i++) {
		assert_int_equal(intent_state_from_text(intent_state_text((enum intent_state)i), &s), 0);
		assert_int_equal(s, i);
	}
	for (int i = INTENT_START; i < INTENT_KINDS; i++) {
		assert_int_equal(intent_kind_from_text(intent_kind_text((enum intent_kind)i), &k), 0);
		assert_int_equal(k, i);
	}
	for (int i = 0; i < EVENT_TYPE_COUNT; i++) {
		assert_int_equal(event_type_from_text(event_type_text((enum event_type)i), &t), 0);
		assert_int_equal(t, i);
	}
	assert_int_equal(intent_state_from_text("stopped", &s), -1);
	assert_int_equal(intent_kind_from_text("terminate", &k), -1); /* RULE E8: there is no such deed */
	assert_int_equal(event_type_from_text("", &t), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_move_is_as_drawn),       cmocka_unit_test(no_cancel_after_the_stop),
		cmocka_unit_test(a_closed_intent_stays_closed), cmocka_unit_test(deeds),
		cmocka_unit_test(words_go_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
