/*
 * The upload of a new Conferencing Node's configuration document to port 8443 of its instance (guide, "Generating, downloading
 * and deploying the configuration file"; facts, 3.3): POST /configuration/bootstrap, text/xml, no authentication. The node's
 * certificate is self-signed and made at its first boot, so the transport that is given does not verify it; the address is the
 * one that EC2 says belongs to the instance that we launched.
 */
#ifndef BURSTD_CLIENTS_INFINITY_BOOTSTRAP_H
#define BURSTD_CLIENTS_INFINITY_BOOTSTRAP_H

#include "base/buf.h"
#include "clients/transport.h"

#define BOOTSTRAP_URL "https://{address}:8443" /* where nothing else is configured */

/*
 * Whether the node waits for its configuration: port 8443 answers GET / with any HTTP status. false: nobody answers; `e` says
 * how. `url` is BOOTSTRAP_URL or what takes its place, with "{address}".
 */
bool bootstrap_waits(const struct transport *, const char *url, const char *address,
		     struct upstream_error *e);
/*
 * Sends the document, byte for byte. true = a 2xx: the node has it, applies it and reboots. false: UPSTREAM_RETRY = it may have
 * it all the same, or was not ready; UPSTREAM_OPERATOR = it refused the document.
 */
bool bootstrap_upload(const struct transport *, const char *url, const char *address, const struct buf *xml,
		      struct upstream_error *e);

#endif
