/* The reconciler's ports over the real clients, for the workers and for `burstd check`. A port lives as long as its client. */
#ifndef BURSTD_SERVER_PORTS_H
#define BURSTD_SERVER_PORTS_H

#include "reconcile/ports.h"

struct infinity_client;

struct infinity_port port_of_infinity(struct infinity_client *);
struct infinity_survey_port survey_port_of_infinity(struct infinity_client *);
struct ec2_port port_of_ec2(struct ec2_client *);
struct ec2_survey_port survey_port_of_ec2(struct ec2_client *);

#endif
