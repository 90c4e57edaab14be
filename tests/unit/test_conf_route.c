/*
 * Routes in the configuration: what can not mean anything is refused with file
 * and line, what would be an open relay too, and what is odd is warned about.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf_said.h"

static const struct {
	const char *text;
	const char *rest; /* behind the file's name */
} bad[] = {
	{ "route r {\nbackend = b }", ":2: there is no backend 'b'\n" },
	{ "route r {\nrcpt-domain = {\"*\"} }", ":2: \"*\" is not a domain (" },
	{ OPEN BACKEND "route r { backend = d\nrcpt = {a.example} }",
	    ":4: \"a.example\" is not an address (" },
	{ OPEN BACKEND
	    "route r { backend = d\nrcpt = {\"\\\"a\\\"@b.example\"} "
	    "}",
	    ":4: \"\"a\"@b.example\" is not an address (" },
	{ OPEN BACKEND "route r { backend = d rcpt-domain = b.example\n"
		       "sender-domain = {\"<>\", \"*\"} }",
	    ":4: \"*\" is not a domain (" },
	{ OPEN BACKEND "route r { backend = d rcpt-domain = b.example\n"
		       "listener = {mx, my} }",
	    ":4: there is no listen 'my'\n" },
	{ REST "route r { action = reject\nrouting-local-parts = yes }",
	    ":5: route 'r' delivers nothing: routing-local-parts is of no "
	    "use" },
	{ REST "route r { action = reject\nbackend = d }",
	    ":5: route 'r' delivers nothing: backend is of no use in it\n" },
	{ REST "route r { backend = d\ntext = x }",
	    ":5: route 'r' neither rejects nor defers: " },
	{ REST "route r { action = reject\ncode = 450 }",
	    ":5: code \"450\" is not a code for this action (550, " },
	{ REST "route r { action = defer\ncode = 421 }",
	    ":5: code \"421\" is not a code for this action (451, " },
	{ REST "route r { action = reject\ncode = \"550 5.1\" }",
	    ":5: code \"550 5.1\" is not a code for this action " },
	{ REST "route r { action = reject\ntext = \"\" }",
	    ":5: text must be at most 400 printable ASCII characters\n" },
	{ LISTEN BACKEND "route a { backend = d rcpt-domain = a.example }\n"
			 "route b { backend = d rcpt-domain = A.example }",
	    ":4: route 'b' is never reached: route 'a' before it takes "
	    "A.example\n" },
	{ LISTEN BACKEND
	    "route a { backend = d listener = mx }\n"
	    "route b { backend = d listener = mx rcpt-domain = {a.example} }",
	    ":4: route 'b' is never reached: route 'a' before it takes every "
	    "recipient that could get here\n" },
	{ REST "route b { rcpt-domain = b.example backend = d }",
	    ":4: route 'b' is never reached: route 'all' before it takes every "
	    "recipient\n" },

	/* U-labels are A-labels, if they are any. */
	{ LISTEN BACKEND
	    "route a { backend = d rcpt-domain = b\303\274.example }\n"
	    "route b { backend = d rcpt-domain = XN--B-eha.example }",
	    ":4: route 'b' is never reached: route 'a' before it takes "
	    "XN--B-eha.example\n" },
	{ LISTEN BACKEND "route a { backend = d\n"
			 "rcpt-domain = b\303\274..example }",
	    ":4: option 'rcpt-domain' \"b\303\274..example\" has no valid "
	    "domain\n" },

	/* open relays */
	{ "listen mx { address = {\"127.0.0.1:1\"} xclient-login = yes\n"
	  "xclient-from = {\"0.0.0.0/0\"} }\n" BACKEND
	  "route all { backend = d authenticated = yes }",
	    ":4: route 'all' takes every recipient, and listen 'mx' "
	    "(127.0.0.1:1) lets everybody say who they are: that is an open "
	    "relay; " },
	{ "listen mx { address = {\"0.0.0.0:1\"} auth = people\n"
	  "xclient-login = yes xclient-from = {\"0.0.0.0/1\", "
	  "\"128.0.0.0/1\"}\n"
	  "auth-plaintext = yes require-auth = yes }\n" PEOPLE
	  "\n" BACKEND ROUTE,
	    ":6: route 'all' takes every recipient, and listen 'mx' " },
	{ "listen mx { address = {\"0.0.0.0:1\"} xclient-login = yes\n"
	  "xclient-from = {127.0.0.1} proxy-from = {\"::/0\"} }\n" BACKEND
	  "route all { backend = d authenticated = yes }",
	    ":4: route 'all' takes every recipient, and listen 'mx' " },
	{ "listen mx { address = {\"0.0.0.0:1\"}\n"
	  "proxy-from = {\"0.0.0.0/0\"} }\n" BACKEND
	  "route all { backend = d client = {127.0.0.1} }",
	    ":4: route 'all' takes every recipient, and listen 'mx' " },
	{ "listen mx { address = {\"0.0.0.0:1\"}\n"
	  "xclient-from = {\"::/8\"} }\n" BACKEND
	  "route all { backend = d client = {127.0.0.1} }",
	    ":4: route 'all' takes every recipient, and listen 'mx' " },
	{ "listen mx { address = {\"unix:/tmp/x\"}\n"
	  "proxy-from = {unix} }\n" BACKEND ROUTE,
	    ":4: route 'all' takes every recipient, and listen 'mx' " },
	{ OPEN BACKEND "route all { backend = d client = {\"10.0.0.0/8\"} }",
	    ":3: route 'all' takes every recipient, and listen 'mx' " },
	{ OPEN BACKEND "route all { backend = d sender-domain = a.example }",
	    ":3: route 'all' takes every recipient, and listen 'mx' " },
	{ OPEN BACKEND "route all { backend = d flag = {good} }",
	    ":3: route 'all' takes every recipient, and listen 'mx' " },
	{ OPEN BACKEND "route all { backend = d authenticated = no }",
	    ":3: route 'all' takes every recipient, and listen 'mx' " },
	{ OPEN "listen my { address = {\"127.0.0.1:2\"} }\n" BACKEND
	       "route all { backend = d listener = {my, mx} }",
	    ":4: route 'all' takes every recipient, and listen 'mx' " },
	{ OPEN BACKEND ROUTE,
	    ":3: route 'all' takes every recipient, and listen 'mx' "
	    "(0.0.0.0:1) "
	    "is reached from other machines: that is an open relay; " },
	{ OPEN BACKEND "route all { backend = d rcpt-domain = {} }",
	    ":3: route 'all' takes every recipient, and listen 'mx' " },
	{ "listen mx { address = {\"127.0.0.1:1\", \"[::]:1\"} }\n" BACKEND
		ROUTE,
	    ":3: route 'all' takes every recipient, and listen 'mx' "
	    "([::]:1) " },
	{ "listen mx { address = {\"127.0.0.1:1\"} proxy-from = {127.0.0.1} "
	  "}\n" BACKEND ROUTE,
	    ":3: route 'all' takes every recipient, and listen 'mx' "
	    "(127.0.0.1:1) "
	    "has clients behind a proxy: that is an open relay; " },
};

static void
test_bad(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < nitems(bad); i++)
		assert_bad(bad[i].text, bad[i].rest);
}

static const struct {
	const char *text;
	const char *rest; /* NULL: nothing is said */
} fair[] = {
	{ "listen mx { address = {\"unix:/tmp/x\", \"[::1]:1\"} }\n" BACKEND
		ROUTE,
	    NULL },
	{ OPEN BACKEND "route all { backend = d open-relay = yes }", NULL },
	{ OPEN BACKEND "route all { backend = d rcpt-domain = {a.example} }",
	    NULL },
	/* A proxy that may be trusted says who has authenticated. */
	{ "listen mx { address = {\"0.0.0.0:1\"} xclient-login = yes\n"
	  "xclient-from = {\"10.0.0.0/8\"} }\n" BACKEND
	  "route all { backend = d authenticated = yes }",
	    NULL },
	{ "listen mx { address = {\"0.0.0.0:1\"} xclient-login = yes\n"
	  "xclient-from = {\"0.0.0.0/0\"} }\n" BACKEND
	  "route r { backend = d rcpt-domain = a.example }",
	    ":2: warning: xclient-from names every address: whoever connects "
	    "may say to be anybody, logged in as anybody\n" },
	{ OPEN BACKEND "route all { backend = d\nrcpt-domain = {\"*.org\"} }",
	    ":4: warning: \"*.org\" is all of a top-level domain: unless it is "
	    "yours, that is an open relay for it\n" },
	{ OPEN BACKEND
	    "route all { backend = d rcpt-domain = {\"*.internal\"} }",
	    NULL },
#ifdef HAVE_LIBPSL
	{ OPEN BACKEND "route all { backend = d\nrcpt-domain = {\"*.Co.UK\"} }",
	    ":4: warning: \"*.Co.UK\" is all of a registry's suffix: unless it "
	    "is yours, that is an open relay for it\n" },
#endif
	/* A domain of somebody's, and what a company gives to its customers. */
	{ OPEN BACKEND "route all { backend = d\n"
		       "rcpt-domain = {\"*.example.co.uk\", \"*.github.io\", "
		       "\"co.uk\"} }",
	    NULL },
	/* Who reaches the route has authenticated. */
	{ "listen mx { address = {\"0.0.0.0:1\"} auth = people\n"
	  "auth-plaintext = yes require-auth = yes }\n" PEOPLE
	  "\n" BACKEND ROUTE,
	    NULL },
	{ OPEN BACKEND "route all { backend = d authenticated = yes }", NULL },
	{ OPEN BACKEND "route all { backend = d client = {\"127.0.0.0/8\", "
		       "\"::1\", unix} }",
	    NULL },
	{ OPEN BACKEND "route all { backend = d rcpt = {a@b.example} }", NULL },
	{ OPEN BACKEND "route all { action = reject code = \"550 5.1.1\" "
		       "text = \"go away\" }",
	    ":2: warning: backend 'd' is not used by any route\n" },
	{ OPEN "listen my { address = {\"127.0.0.1:2\"} }\n" BACKEND
	       "route all { backend = d listener = my }",
	    NULL },
	{ LISTEN BACKEND
	    "route a { backend = d rcpt-domain = a.example }\n"
	    "route b { backend = d rcpt-domain = {a.example, b.example} }",
	    ":4: warning: route 'b' is never reached for a.example: route 'a' "
	    "before it takes that\n" },
	{ LISTEN, ": warning: no route: every recipient will be refused\n" },
	{ REST "backend e { protocol = discard }",
	    ":4: warning: backend 'e' is not used by any route\n" },
	{ LISTEN BACKEND
	    "route r { backend = d rcpt-domain = a.example open-relay = yes }",
	    ":3: warning: open-relay says nothing in a route with "
	    "rcpt-domain\n" },
};

static void
test_fair(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < nitems(fair); i++)
		assert_fair(fair[i].text, fair[i].rest);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_fair),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
