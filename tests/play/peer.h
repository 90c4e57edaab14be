#ifndef POSTERN_PLAY_PEER_H
#define POSTERN_PLAY_PEER_H

/*
 * The player's ends of connections: clients (socket pairs) and the connections
 * that postern makes to the scripted backends (unix sockets, because there
 * what is written is readable at once).  Everything that comes in is read at
 * once and kept until the transcript asks for it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fake_dns.h"
#include "script.h"

/* Ends of messages in a stream, however it is cut: of data, and of chunks that
 * are the last and have a recipient.  What looks like one inside of a message
 * counts, too. */
struct ends {
	unsigned count;
	bool rcpt;	/* for whom a chunk may be */
	unsigned match; /* octets of an end of data seen */
	uint64_t chunk; /* octets of a chunk to come */
	bool last;
	size_t line_len;
	char line[40];
};

struct tls_peer;

struct peer {
	int fd; /* -1: never connected, or closed by us */
	bool connected;
	int listener; /* a backend: where it was connected to, from 1 */
	bool asked;   /* a backend: the transcript has seen the connect */
	bool ended;   /* the other side closed */
	bool deaf;    /* nothing is read: buffers fill, a close is a reset */
	bool lost;    /* ours refuses to go on with the transcript */
	struct tls_peer *tls; /* owned; NULL: none */
	bool shaken;	      /* its handshake is over, well or badly */
	char *in;	      /* owned */
	size_t in_len;
	size_t in_used;
	struct ends ends; /* of messages that came in */
};

struct peers {
	const char *dir;		  /* borrowed; where certificates are */
	int listeners[LISTENERS_MAX + 1]; /* the last one: TCP, on loopback */
	int port;
	struct peer clients[CLIENTS_MAX];
	struct peer backends[BACKENDS_MAX];
	int backend_count;
	struct fake_dns *dns; /* owned */
};

/* Listens at dir/b1 and so on, and as a DNS server; -1 with errno. */
int peers_listen(struct peers *p, const char *dir);
/* Forgets everything but the listeners. */
void peers_reset(struct peers *p);
void peers_close(struct peers *p);
struct peer *peers_find(struct peers *p, enum side side, int who);
/* Accepts and reads what there is; was there anything? */
bool peers_poll(struct peers *p);

void peer_connected(struct peer *p, int fd);
/* How much was taken; what nobody reads any more counts as taken. */
size_t peer_send(struct peer *p, const char *text, size_t len);
/* Becomes the server's side of TLS, with the certificate of @CERT@. */
void peer_secure(const struct peers *peers, struct peer *p);
void peer_shut(struct peer *p);
void peer_close(struct peer *p);
/* The next line with its line end; what there is when there is no whole one. */
const char *peer_line(const struct peer *p, size_t *len_r);
void peer_consume(struct peer *p, size_t len);

void count_ends(struct ends *e, const char *text, size_t len);

#endif
