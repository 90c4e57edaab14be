/*
 * The configuration: good files fill the structs, bad ones are refused with
 * file and line.  Uses the real tables of filters and backends.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/backend.h"
#include "gateway/compat.h"
#include "gateway/conf.h"
#include "conf_said.h"

static const char full[] =
    "# comment, with \"quote and {\n"
    "hostname = mx.example.org // another\n"
    "user = nobody workers = 3 /* and\n one more */ drain = 5s\n"
    "pid-file = '/run/p.pid'\n"
    "log { to = file path = /var/log/x level = debug\n"
    "      facility = local3 }\n"
    "limits { message-size = 1M recipients = 7 }\n"
    "spool { directory = /tmp memory = 64K }\n"
    "resolver { servers = {\"127.0.0.1:53\", \"[::1]:5353\"} retry = 2s\n"
    "  timeout = 4s max-ttl = 2h cache-entries = 9 cache-size = 1K\n"
    "  queries = 8 }\n"
    "listen mx {\n"
    "  address = {\"127.0.0.1:25\", # four\n"
    "             \"[::1]:25\"} # six\n"
    "  address += \"unix:/tmp/s\"\n"
    "  greeting = \"hello \\\"you\\\"\" proxy-from = {\"10.0.0.0/8\"}\n"
    "  filters = {naps, friends} limits { rate = \"2/1m\" errors = 3 }\n"
    "}\n"
    "delay naps { connect = 1s observe = yes on-unknown = pass }\n"
    "access friends { allow = {192.0.2.1} timeout = 3s }\n"
    "listen other { address = 127.0.0.1:26 }\n"
    "backend store {\n"
    "  protocol = lmtp helo = me.example.org reply-timeout = 9s\n"
    "  server a { address = \"127.0.0.1:24\" }\n"
    "  server b { address = unix:/run/lmtp }\n"
    "  pool { max = 5 idle = 2 }\n"
    "}\n"
    "backend files { protocol = maildir path = \"/m/%u\" }\n"
    "backend more { protocol = smtp\n"
    "  server a { address = \"[::1]:25\" } }\n"
    "route r1 { rcpt-domain = {example.org, \"*.example.org\"}\n"
    "  backend = more }\n"
    "route r2 { rcpt-domain = example.net backend = store }\n"
    "route r3 { backend = files open-relay = yes }\n";

static void
check_resolver(const struct dns_settings *s)
{
	assert_int_equal(s->server_count, 2);
	assert_int_equal(net_port(&s->servers[1]), 5353);
	assert_null(s->resolv_conf);
	assert_int_equal(s->timeout, 4000);
	assert_int_equal(s->retry, 2000);
	assert_int_equal(s->max_ttl, 7200 * 1000);
	assert_int_equal(s->cache_entries, 9);
	assert_int_equal(s->cache_size, 1024);
	assert_int_equal(s->queries, 8);
}

static void
check_listeners(const struct config *c)
{
	assert_int_equal(c->listener_count, 2);
	assert_string_equal(c->listeners[0].name, "mx");
	assert_int_equal(c->listeners[0].address.count, 3);
	assert_string_equal(c->listeners[0].greeting, "hello \"you\"");
	assert_int_equal(c->listeners[0].proxy_from.count, 1);
	assert_int_equal(c->listeners[0].filter_count, 2);
	assert_string_equal(c->listeners[0].filters[0]->name, "naps");
	assert_string_equal(c->listeners[0].filters[0]->type->name, "delay");
	assert_true(c->listeners[0].filters[0]->chain.observe);
	assert_int_equal(
	    c->listeners[0].filters[0]->chain.on_unknown, ON_UNKNOWN_PASS);
	assert_string_equal(c->listeners[0].filters[1]->name, "friends");
	assert_int_equal(c->listeners[0].filters[1]->chain.timeout, 3000);
	assert_int_equal(c->listeners[1].filter_count, 0);
	assert_int_equal(c->listeners[0].limits.errors, 3);
	assert_int_equal(c->listeners[0].limits.rate.count, 2);
	assert_true(c->listeners[0].counts_apart);
	assert_int_equal(c->listeners[0].limits.recipients, 7);
	assert_int_equal(c->listeners[0].limits.connections, 0);
	assert_int_equal(c->listeners[1].limits.errors, 20);
	assert_false(c->listeners[1].counts_apart);
	assert_int_equal(c->filter_count, 2);
}

static void
check_backends(const struct config *c)
{
	assert_int_equal(c->backend_count, 3);
	assert_int_equal(c->server_count, 3);
	assert_string_equal(c->backends[0].type->name, "lmtp");
	assert_ptr_equal(
	    backends[c->backends[0].protocol], c->backends[0].type);
	assert_string_equal(c->backends[0].helo, "me.example.org");
	assert_int_equal(c->backends[0].reply_timeout, 9000);
	assert_int_equal(c->backends[0].server_count, 2);
	assert_string_equal(c->backends[0].servers[1].name, "b");
	assert_int_equal(c->backends[0].servers[0].addr_count, 1);
	assert_int_equal(net_port(&c->backends[0].servers[0].addrs[0]), 24);
	assert_int_equal(c->backends[0].pool.max, 5);
	assert_int_equal(c->backends[0].pool.idle_timeout, 10000);
	assert_string_equal(c->backends[1].type->name, "maildir");
	assert_string_equal(*(const char **)c->backends[1].conf, "/m/%u");
}

static void
check_routes(const struct config *c)
{
	assert_int_equal(c->route_count, 3);
	assert_int_equal(c->routes[0].rcpt_domain.count, 2);
	assert_int_equal(c->routes[0].backend, 2);
	assert_int_equal(c->routes[1].backend, 0);
	assert_int_equal(c->routes[2].backend, 1);
	assert_true(c->routes[2].open_relay);
}

static void
test_fills_structs(void **state)
{
	struct config *c;

	(void)state;
	assert_good(full, &c);
	assert_string_equal(said, "");
	assert_string_equal(c->file, file);
	assert_string_equal(c->hostname, "mx.example.org");
	assert_string_equal(c->user, "nobody");
	assert_string_equal(c->pid_file, "/run/p.pid");
	assert_int_equal(c->workers, 3);
	assert_int_equal(c->drain, 5000);
	assert_int_equal(c->log.to, LOG_TO_FILE);
	assert_int_equal(c->log.level, LEVEL_DEBUG);
	assert_int_equal(c->log.facility, LOG_LOCAL3);
	assert_int_equal(c->limits.message_size, 1 << 20);
	assert_int_equal(c->limits.recipients, 7);
	assert_int_equal(c->spool.memory, 64 << 10);
	check_resolver(&c->resolver.settings);
	check_listeners(c);
	check_backends(c);
	check_routes(c);
	conf_free(&c);
	assert_null(c);
}

static void
test_defaults(void **state)
{
	struct config *c;

	(void)state;
	assert_good("hostname = a.example"
		    "\n" REST,
	    &c);
	assert_null(c->user);
	assert_null(c->pid_file);
	assert_int_equal(c->workers, 0);
	assert_int_equal(c->drain, 20000);
	assert_true(c->log.to < 0); /* main.c decides */
	assert_int_equal(c->log.level, LEVEL_INFO);
	assert_int_equal(c->log.facility, LOG_MAIL);
	assert_int_equal(c->limits.message_size, 50 << 20);
	assert_int_equal(c->spool.memory, 1 << 20);
	assert_string_equal(
	    c->resolver.settings.resolv_conf, "/etc/resolv.conf");
	assert_true(c->resolver.settings.server_count > 0);
	assert_int_equal(c->backends[0].pool.max, 32);
	assert_int_equal(c->backends[0].connect_timeout, 5000);
	conf_free(&c);
}

/* Numbers and localhost are known at once, other names are for the DNS. */
static void
test_names(void **state)
{
	const struct server_conf *sc;
	struct config *c;

	(void)state;
	assert_good("resolver { hosts = /dev/null }\n" LISTEN
		    "backend b { protocol = smtp\n"
		    "  server a { address = \"192.0.2.1:24\" }\n"
		    "  server b { address = \"localhost:25\" }\n"
		    "  server c { address = \"Mail.Example.ORG:26\" } }\n"
		    "route r { rcpt-domain = a.example backend = b }\n",
	    &c);
	sc = c->backends[0].servers;
	assert_null(sc[0].named);
	assert_int_equal(sc[0].addr_count, 1);
	assert_null(sc[1].named);
	assert_int_equal(sc[1].addr_count, 2);
	assert_int_equal(net_port(&sc[1].addrs[1]), 25);
	assert_non_null(sc[2].named);
	assert_int_equal(sc[2].addr_count, 0);
	assert_string_equal(sc[2].named->host, "mail.example.org");
	assert_int_equal(sc[2].named->port, 26);
	conf_free(&c);
}

static void
test_environment(void **state)
{
	struct config *c;

	(void)state;
	assert_int_equal(setenv("POSTERN_TEST", "b c", 1), 0);
	assert_int_equal(setenv("POSTERN_EMPTY", "", 1), 0);
	assert_int_equal(setenv("POSTERN_LINES", "b\nc", 1), 0);
	assert_int_equal(unsetenv("POSTERN_UNSET"), 0);
	assert_good("hostname = \"a${POSTERN_EMPTY}.example\"\n"
		    "# ${POSTERN_UNSET}\n"
		    "pid-file = \"a ${POSTERN_TEST} \\${POSTERN_UNSET}\"\n"
		    "user = '${POSTERN_UNSET}'\n"
		    "drain = ${POSTERN_UNSET:-7s}\n" REST,
	    &c);
	assert_string_equal(c->hostname, "a.example");
	assert_string_equal(c->pid_file, "a b c ${POSTERN_UNSET}");
	assert_string_equal(c->user, "${POSTERN_UNSET}");
	assert_int_equal(c->drain, 7000);
	conf_free(&c);

	assert_bad("\nhostname = \"${POSTERN_UNSET}.org\"\n"
		   "/*\n*/ user = ${POSTERN_UNSET2}\n" REST,
	    ":2: environment variable POSTERN_UNSET is not set\n");
	assert_true(
	    says(":4: environment variable POSTERN_UNSET2 is not set\n"));
	assert_int_equal(lines(), 2);
	assert_bad("user = a${POSTERN_TEST}",
	    ":1: a word with ${...} in it has to stand inside of double");
	assert_bad("user = \"${POSTERN_TEST\"", ":1: ${ is not closed");
	assert_bad("user = \"${POSTERN_LINES}\"",
	    ":1: control character in the value of 'user'");
}

/* Two servers, each in a line of its own. */
#define SERVERS(a, b)                                     \
	"backend b { protocol = smtp\n"                   \
	"server s { address = \"127.0.0.1:1\"\n" a " }\n" \
	"server t { address = \"127.0.0.1:2\" " b " } "

static const struct {
	const char *text;
	const char *rest; /* behind the file's name */
} bad[] = {
	/* the resolver */
	{ "resolver {\nservers = {\"127.0.0.1\"} }", ":2: option 'servers' " },
	{ "resolver {\nservers = {\"unix:/x\"} }",
	    ":2: the DNS is not asked over unix sockets\n" },
	{ "resolver { servers = {\"127.0.0.1:53\"}\nresolv-conf = /x }",
	    ":2: resolv-conf says nothing beside servers\n" },
	{ "resolver { timeout = 2s\nretry = 3s }",
	    ":2: retry must not be longer than timeout\n" },
	{ "resolver { servers = {\n\"127.0.0.1:1\", \"127.0.0.1:2\",\n"
	  "\"127.0.0.1:3\", \"127.0.0.1:4\", \"127.0.0.1:5\", "
	  "\"127.0.0.1:6\", \"127.0.0.1:7\", \"127.0.0.1:8\", "
	  "\"127.0.0.1:9\"} }",
	    ":2: more than 8 servers\n" },
	/* the language */
	{ "x = 1", ":1: unknown section or option 'x'\n" },
	{ "\n\ndnsbl spam { }", ":3: unknown section or option 'dnsbl'\n" },
	{ "include(\"x\")", ":1: unknown section or option 'include'\n" },
	{ "listen mx {\n\n speed = high }",
	    ":3: unknown option 'speed' in listen 'mx'\n" },
	{ "limits {\n rates = 1 }", ":2: unknown option 'rates' in limits\n" },
	{ "delay d { url = x }", ":1: unknown option 'url' in delay 'd'\n" },
	{ "listen mx { address = \"127.0.0.1:1\"\nlimits { memory = 1M } }",
	    ":2: unknown option 'memory' in limits\n" },
	{ "listen mx { address = \"127.0.0.1:1\"\nlimits { errors = 0 } }",
	    ":2: option 'errors' must be between 1 and 1000000, not 0\n" },
	{ "listen mx { address = \"127.0.0.1:1\"\nlimits { }\nlimits { } }",
	    ":3: section 'limits' is given twice, first in line 2\n" },
	{ "backend b { server s {\nspeed = 1 } }",
	    ":2: unknown option 'speed' in server 's'\n" },
	{ "listen { }", ":1: missing title for section 'listen'\n" },
	{ "log x { }", ":1: missing opening brace for section 'log'\n" },
	{ "hostname a.example",
	    ":1: missing equal sign after option 'hostname'\n" },
	{ "hostname = {a}", ":1: unexpected token '{'\n" },
	{ "hostname += a",
	    ":1: attempt to append to non-list option 'hostname'\n" },
	{ "hostname =\n", ":2: premature end of file\n" },
	{ "}", ":1: unexpected closing brace\n" },
	{ "listen \"\" { }", ":1: listen needs a name\n" },
	{ "hostname = \"a\nuser = b\n",
	    ":1: the string is not closed on its line\n" },
	{ "\nuser = 'a", ":2: the string is not closed on its line\n" },
	{ "user = \"a\\nb\"", ":1: bad escape sequence '\\n'; there are" },
	{ "user = \"\\012\"", ":1: bad escape sequence '\\0'; there are" },
	{ "user = a\001b", ":1: control character (1)\n" },
	{ "\n/* a\n\n", ":2: the comment is not closed\n" },
	{ "\nlisten mx {\n\n",
	    ":2: the brace that is opened here is not closed\n" },
	{ "route r { rcpt-domain = {*.example.org} }",
	    ":1: '*' has to stand inside of quotes\n" },
	{ "user = a+b", ":1: '+' has to stand inside of quotes\n" },

	/* things given twice */
	{ "user = a # x\n# y\nuser = b\n" REST,
	    ":3: option 'user' is given twice, first in line 1\n" },
	{ "listen a { address = {\"127.0.0.1:1\"}\naddress = {\"127.0.0.1:2\"} "
	  "}",
	    ":2: option 'address' is given twice, first in line 1\n" },
	{ "listen a { address = {\"127.0.0.1:1\"}\naddress = {} }",
	    ":2: option 'address' is given twice, first in line 1\n" },
	{ "log { }\nlog { }\n" REST,
	    ":2: section 'log' is given twice, first in line 1\n" },
	{ "backend b { protocol = smtp server s { address = \"127.0.0.1:1\" }\n"
	  "pool { }\npool { } }\n",
	    ":3: section 'pool' is given twice, first in line 2\n" },
	{ LISTEN "listen mx { }",
	    ":2: listen 'mx' has the name of another one, in line 1\n" },
	{ "route r { }\nroute r { }",
	    ":2: route 'r' has the name of another one, in line 1\n" },
	{ "delay f { }\naccess f { }",
	    ":2: access 'f' has the name of another one, in line 1\n" },
	{ SERVERS("backup = yes", "backup = yes") "}",
	    ":1: backend 'b' has backup servers only\n" },
	{ SERVERS("weight = 0", "") "}",
	    ":3: option 'weight' must be between 1 and 256, not 0\n" },
	{ SERVERS("weight = 257", "") "}",
	    ":3: option 'weight' must be between 1 and 256, not 257\n" },
	{ "backend b { protocol = smtp\nserver s { address = \"127.0.0.1:1\" "
	  "}\n"
	  "server t { address = \"127.0.0.1:1\" } }",
	    ":3: address \"127.0.0.1:1\" is that of server 's' already\n" },
	{ SERVERS("", "") "\npool { min = 5 max = 4 } }",
	    ":5: min must not be more than max\n" },
	{ SERVERS("", "") "\npool { min = 33 } }",
	    ":5: min must not be more than max\n" },
	{ SERVERS("", "") "\nbalance = fair }",
	    ":5: option 'balance' must be one of: least-connections, "
	    "round-robin, random, hash-rcpt; not \"fair\"\n" },
	{ SERVERS("", "") "\nsource = {\"127.0.0.1\", \"127.0.0.2\"} }",
	    ":5: source \"127.0.0.2\" is no address, or not the first one of "
	    "its family\n" },
	{ SERVERS("", "") "\nsource = {\"unix\"} }",
	    ":5: source \"unix\" is no address, or not the first one of its "
	    "family\n" },
	{ SERVERS("", "") "\nsource = {\"here.example\"} }",
	    ":5: source \"here.example\" is no address, or not the first one "
	    "of its family\n" },
	{ SERVERS("", "") "\ncheck { interval = 1ms } }",
	    ":5: option 'interval' must be between 100ms and 1h, not 1ms\n" },
	{ SERVERS("", "") "\ncheck { rise = 0 } }",
	    ":5: option 'rise' must be between 1 and 100, not 0\n" },
	{ "backend b { protocol = discard\ncheck { } }",
	    ":2: section 'check' is not for protocol discard\n" },
	{ "backend b { server s { }\nserver s { } }",
	    ":2: server 's' has the name of another one, in line 1\n" },

	/* values */
	{ "workers = 257\n" REST,
	    ":1: option 'workers' must be between 0 and 256" },
	{ "drain = 5\n" REST, ":1: option 'drain' needs a unit" },
	{ "log { level = loud }",
	    ":1: option 'level' must be one of: error, warn" },
	{ "log {\n to = file }", ":1: log needs 'path'\n" },
	{ "hostname = \"a b\"", ":1: hostname \"a b\" is not a domain\n" },
	{ "listen mx {\naddress = "
	  "\"unix:/"
	  "12345678901234567890123456789012345678901234567890123456789012345678"
	  "9012345678901234567890123456789012345678901234567890\" }",
	    ":2: option 'address' "
	    "\"unix:/"
	    "123456789012345678901234567890123456789012345678901234567890123456"
	    "789012345678901234567890123456789012345678901234567890\": the "
	    "path of the unix socket is "
	    "too long\n" },
	{ "listen mx { address = \"unix:/tmp/x\"\nsocket-mode = 0999 }",
	    ":2: socket-mode \"0999\" is not like 0660\n" },
	{ "listen mx { address = \"unix:/tmp/x\"\nsocket-mode = 4755 }",
	    ":2: socket-mode \"4755\" is not like 0660\n" },
	{ "listen mx { address = \"unix:/tmp/x\"\nsocket-user = no-such-user }",
	    ":2: there is no user no-such-user here\n" },
	{ "listen mx { address = \"unix:/tmp/x\"\nsocket-group = no-such-one }",
	    ":2: there is no group no-such-one here\n" },
	{ "listen mx { address = \"127.0.0.1:1\"\nsocket-mode = 0600 }",
	    ":2: socket-mode is for unix sockets, and this listener has "
	    "none\n" },
	{ "listen mx { address = {\"127.0.0.1\"} }", ":1: option 'address' " },
	{ "listen mx {\naddress = {\"127.0.0.1:1\"}\nproxy-from = "
	  "{\"10.0.0.1/8\"}}",
	    ":3: option 'proxy-from' \"10.0.0.1/8\": " },
	{ "listen mx { hostname = \"-\" }",
	    ":1: hostname \"-\" is not a domain\n" },
	{ "listen mx { greeting = \"gr\303\274\303\237\" }",
	    ":1: greeting must be at most 500 printable" },
	{ "listen mx {\nauthserv-id = \"a b\" }",
	    ":2: authserv-id \"a b\" is not a plain word\n" },
	{ "listen mx {\nauthserv-id = \"\" }",
	    ":2: authserv-id \"\" is not a plain word\n" },
	{ "listen mx {\nstrip-headers = {X-A, \"X B\"} }",
	    ":2: \"X B\" is not the name of a header field\n" },
	{ "listen mx {\nreceived = some }",
	    ":2: option 'received' must be one of: full, private, none" },
	{ "listen mx {\nauth = naps auth-plaintext = yes }\n"
	  "delay naps { }",
	    ":2: filter 'naps' does not authenticate\n" },
	{ "listen mx {\nauth = nobody auth-plaintext = yes }",
	    ":2: there is no filter 'nobody'\n" },
	{ "listen mx {\nfilters = people }\n" PEOPLE,
	    ":2: filter 'people' authenticates: it belongs into auth, not into "
	    "filters\n" },
	{ "listen mx {\nauth = people }\n" PEOPLE,
	    ":2: auth is offered under TLS, which this listener has not: " },
	{ "listen mx {\nrequire-auth = yes }",
	    ":2: require-auth without auth: no mail could be sent\n" },
	{ "auth-file people {\nobserve = yes users = \"a:" HASH "\" }",
	    ":2: auth-file 'people' can not observe: it lets in or not\n" },
	{ "own-address own {\nmap = {\"alice a@b\", \"bob\"} }",
	    ":1: own-address 'own': map: \"bob\" is not a login and its " },
	{ "dovecot-user users {\nsocket = \"no such\" }",
	    ":1: dovecot-user 'users': socket \"no such\": " },
	{ "auth-file people {\nusers = {\"a:" HASH "\", \"b:secret\"} }",
	    ":1: auth-file 'people': users: entry 2 is not name:$id$..." },
	{ "auth-file people {\nusers = {\"a:" HASH "\", \"a:" HASH "\"} }",
	    ":1: auth-file 'people': users: 'a' stands there twice\n" },
	{ "backend b { protocol = gopher }",
	    ":1: option 'protocol' must be one of: discard, lmtp, maildir, "
	    "sendmail, "
	    "smtp" },
	{ "backend b { helo = \"[1.2.3]\" protocol = discard }",
	    ":1: helo \"[1.2.3]\" is neither a domain nor an address "
	    "literal\n" },
	{ "backend b { pool { max = 2\nidle = 3 } }",
	    ":2: idle must not be more than max\n" },

	/* what is missing */
	{ "user = a\n", ": there is no listen section\n" },
	{ "\nlisten mx { }", ":2: listen 'mx' needs 'address'\n" },
	{ "backend b { }", ":1: backend 'b' needs 'protocol'\n" },
	{ "backend b { protocol = lmtp }", ":1: backend 'b' needs 'server'\n" },
	{ "backend b { protocol = smtp }", ":1: backend 'b' needs 'server'\n" },
	{ "backend b {\nserver s { } }", ":2: server 's' needs 'address'\n" },
	{ "backend b { protocol = maildir }",
	    ":1: backend 'b' needs 'path'\n" },
	{ "route r { }", ":1: route 'r' needs 'backend'\n" },

	/* what does not fit */
	{ "backend b { protocol = lmtp\npath = /x }",
	    ":2: option 'path' is not for protocol lmtp\n" },
	{ "backend b { protocol = maildir path = /x\nserver s { } }",
	    ":2: section 'server' is not for protocol maildir\n" },
	{ "backend b { protocol = discard\npool { } }",
	    ":2: section 'pool' is not for protocol discard\n" },
	{ "backend b { protocol = smtp\nserver s { address = \"x:y\" } }",
	    ":2: address \"x:y\": " },
	{ "backend b { protocol = smtp\nserver s {\naddress = "
	  "\"192.0.2.300:25\" "
	  "} }",
	    ":3: address \"192.0.2.300:25\": " },
	{ "backend b { protocol = smtp\nserver s {\naddress = \"a..b:25\" } }",
	    ":3: address \"a..b:25\": " },
	{ "backend b { protocol = smtp\nserver s {\naddress = \"[a.b]:25\" } }",
	    ":3: address \"[a.b]:25\": " },
	{ LISTEN "listen my {\naddress = \"127.0.0.1:1\" }",
	    ":3: address 127.0.0.1:1 belongs to listen 'mx' already\n" },
	{ "listen mx { address = {\"[::1]:1\",\n\"[0::1]:1\"} }",
	    ":1: address [::1]:1 belongs to listen 'mx' already\n" },
	{ "listen mx {\nfilters = {f, g} }\ndelay f { }",
	    ":2: there is no filter 'g'\n" },
	{ "listen mx {\nfilters = {f, f} }\ndelay f { }",
	    ":2: filter 'f' stands twice in filters\n" },
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
	{ REST, NULL },
	{ REST "auth-file people {\nusers = \"a:" HASH "\" fail-delay = 1m }\n",
	    ":4: warning: auth-file 'people': fail-delay is not shorter than "
	    "timeout" },
	{ REST "dovecot-auth d {\nsocket = /s timeout = 17s }\n",
	    ":4: warning: dovecot-auth 'd': timeout is not longer than 17s" },
	{ REST "own-address own {\nself = no }\n",
	    ":4: warning: own-address 'own': without self and map nobody " },
	{ "listen mx { address = {\"127.0.0.1:1\"} filters = u }\n" BACKEND
		ROUTE "dovecot-user u { socket = /no/such }\n"
	  "log { to = stderr }\nchroot = /\n",
	    ":6: warning: chroot: the server of dovecot-user 'u' would be at "
	    "//no/such: " },
	{ "listen mx { address = {\"127.0.0.1:1\"} filters = r }\n" BACKEND
		ROUTE "rspamd r { server = \"unix:/no/such\" "
	  "on-unknown = defer }\n"
	  "log { to = stderr }\nchroot = /\n",
	    ":6: warning: chroot: a server of rspamd 'r' would be at "
	    "//no/such: " },
	{ REST "delay f { }",
	    ":4: warning: delay 'f' is not in the filters of any listen "
	    "section\n" },
	{ "user = no-such-user-here\n" REST,
	    ":1: warning: there is no user no-such-user-here here: " },
	{ "resolver {\nresolv-conf = /dev/null }\n" REST,
	    ":2: warning: no nameserver in /dev/null: 127.0.0.1 will be "
	    "asked\n" },
	{ "spool {\ndirectory = /no/such/place }\n" REST,
	    ":2: warning: spool directory /no/such/place: " },
	{ "listen mx { address = {\"127.0.0.1:1\"}\nproxy-from = "
	  "{\"0.0.0.0/0\"} }\n" BACKEND
	  "route r { backend = d rcpt-domain = a.example }",
	    ":2: warning: proxy-from names every address: " },
};

static void
test_fair(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < nitems(fair); i++)
		assert_fair(fair[i].text, fair[i].rest);
}

/* All mistakes of one file, in the order of its lines. */
static void
test_all_at_once(void **state)
{
	static const char *const rest[] = {
		":1: hostname \"a b\" is not a domain",
		":2: option 'workers' must be between 0 and 256, not 300",
		":4: there is no filter 'nobody'",
		":6: backend 'b' needs 'server'",
		":6: warning: backend 'b' is not used by any route",
		":7: option 'path' is not for protocol lmtp",
		":9: there is no backend 'c'",
		":10: there is no backend 'c'",
		":10: route 's' is never reached",
		":11: option 'drain' is given twice, first in line 2",
	};
	char want[600];
	const char *p;
	size_t i;

	(void)state;
	assert_bad("hostname = \"a b\" # 1\n"
		   "workers = 300 drain = 1s /* 2 */\n"
		   "listen mx { address = {\"127.0.0.1:1\"}\n"
		   "filters = nobody\n"
		   "}\n"
		   "backend b { protocol = lmtp\n"
		   "path = /x\n"
		   "}\n"
		   "route r { backend = c }\n"
		   "route s { backend = c }\n"
		   "drain = 2s\n",
	    rest[0]);
	assert_int_equal(lines(), nitems(rest));
	p = said;
	for (i = 0; i < nitems(rest); i++) {
		snprintf(want, sizeof(want), "%s%s", file, rest[i]);
		assert_memory_equal(p, want, strlen(want));
		p = strchr(p, '\n') + 1;
	}
}

/* A file that ends inside of a string must not spoil the next one. */
static void
test_good_after_bad(void **state)
{
	struct config *c;
	size_t i;

	(void)state;
	for (i = 0; i < nitems(bad); i++) {
		assert_bad(bad[i].text, bad[i].rest);
		assert_good("hostname = a.example\n" REST, &c);
		conf_free(&c);
	}
}

static void
test_odd_files(void **state)
{
	static const char nul[] = "user = a\0b";
	static const char dos[] = "hostname = a.example\r\n" LISTEN;
	struct config *c;

	(void)state;
	assert_null(load(nul, sizeof(nul) - 1));
	assert_true(says(":1: control character (0)\n"));
	assert_null(load("", 0));
	assert_true(says(": there is no listen section\n"));
	assert_good(dos, &c);
	conf_free(&c);
	free(said);
	said = NULL;
	c = conf_load("/no/such/file", stderr);
	assert_null(c);
}

/* The files that are installed, run from the top of the source. */
static void
test_samples(void **state)
{
	static const char *const names[] = { "etc/postern.conf",
		"etc/demo.conf", "etc/minimal.conf", "etc/two-gateways.conf" };
	struct config *c;
	size_t i;

	(void)state;
	for (i = 0; i < nitems(names); i++) {
		if (access(names[i], R_OK) == -1)
			skip();
		c = conf_load(names[i], stderr);
		assert_non_null(c);
		conf_free(&c);
	}
}

/* Every option of posternd -L stands in the sample, as a comment at least. */
static void
test_sample_is_complete(void **state)
{
	char *list = NULL, *line, *next, *name, text[32768], want[80];
	size_t size, n;
	FILE *f = fopen("etc/postern.conf", "r");

	(void)state;
	if (f == NULL)
		skip();
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	f = open_memstream(&list, &size);
	assert_non_null(f);
	conf_list(f);
	fclose(f);
	for (line = list; *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		*next++ = '\0';
		if (strchr(line, '\t') == NULL)
			continue;
		line[strcspn(line, "\t")] = '\0';
		name = strrchr(line, '.');
		name = name == NULL ? line : name + 1;
		snprintf(want, sizeof(want), "%s ", name);
		if (strstr(text, want) == NULL)
			fail_msg("etc/postern.conf has no %s", line);
	}
	free(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fills_structs),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_fair),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_good_after_bad),
		cmocka_unit_test(test_odd_files),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_sample_is_complete),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
