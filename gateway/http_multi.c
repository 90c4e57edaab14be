/*
 * libcurl on our loop: it says which sockets it waits for and when it wants to
 * be called again; both become events.
 */

#include "http_impl.h"

#include <event2/event.h>

#include <stdlib.h>

#include "compat.h"
#include "mem.h"

#define IDLE_CONNECTIONS 16L

static void kick(struct task *);
static void on_timer(void *);
static int set_timer(CURLM *, long, void *);
static int set_socket(CURL *, curl_socket_t, int, void *, void *);
static void on_socket(evutil_socket_t, short, void *);
static void collect(struct http *);

struct http *
http_new(struct loop *l, struct dns *dns, const struct dns_hosts *hosts)
{
	struct http *h = xcalloc(1, sizeof(*h));

	h->loop = l;
	h->dns = dns;
	h->hosts = hosts;
	h->kick.run = kick;
	timer_init(&h->timer, l, on_timer, h);
	return h;
}

void
http_free(struct http **hp)
{
	struct http *h = *hp;

	if (h == NULL)
		return;
	if (h->multi != NULL) {
		curl_multi_cleanup(h->multi);
		curl_global_cleanup();
	}
	timer_clear(&h->timer);
	loop_undefer(h->loop, &h->kick);
	free(h);
	*hp = NULL;
}

bool
http_multi_open(struct http *h)
{
	if (h->multi != NULL)
		return true;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
	h->multi = curl_multi_init();
	if (h->multi == NULL) {
		curl_global_cleanup();
		return false;
	}
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS);
	curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	return true;
}

static void
kick(struct task *t)
{
	struct http *h = container_of(t, struct http, kick);

	on_timer(h);
}

static void
on_timer(void *arg)
{
	struct http *h = arg;
	int running;

	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(h);
}

static int
set_timer(CURLM *multi, long ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	timer_clear(&h->timer);
	if (ms == 0)
		loop_defer(h->loop, &h->kick);
	else if (ms > 0)
		timer_set(&h->timer, loop_now(h->loop) + ms);
	return 0;
}

/* The socket's pointer is its event. */
static int
set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *pointer)
{
	struct http *h = arg;
	struct event *ev = pointer;
	short events = EV_PERSIST;

	(void)easy;
	if (ev != NULL)
		event_free(ev);
	curl_multi_assign(h->multi, fd, NULL);
	if (what == CURL_POLL_REMOVE || what == CURL_POLL_NONE)
		return 0;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= EV_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= EV_WRITE;
	ev = event_new(loop_base(h->loop), fd, events, on_socket, h);
	if (ev == NULL || event_add(ev, NULL) == -1)
		abort(); /* no memory */
	curl_multi_assign(h->multi, fd, ev);
	return 0;
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct http *h = arg;
	int running, events = 0;

	if ((what & EV_READ) != 0)
		events |= CURL_CSELECT_IN;
	if ((what & EV_WRITE) != 0)
		events |= CURL_CSELECT_OUT;
	curl_multi_socket_action(h->multi, fd, events, &running);
	collect(h);
}

/* What has ended. */
static void
collect(struct http *h)
{
	struct http_exchange *x;
	CURLMsg *m;
	char *private;
	CURLcode result;
	long status;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		result = m->data.result;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
		x = (struct http_exchange *)(void *)private;
		if (x->ended)
			continue;
		if (result != CURLE_OK) {
			http_fail(x,
			    x->error[0] != '\0' ? x->error
						: curl_easy_strerror(result));
			continue;
		}
		status = 0;
		curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
		x->answer.status = (int)status;
		http_finish(x);
	}
}
