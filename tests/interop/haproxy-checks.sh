#!/bin/sh
# haproxy-checks.sh: every kind of health check that HAProxy has for SMTP.  The
# server is UP; limits and filters are for clients; the log has nothing of it,
# but for the records of probes that are asked for with level debug.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
# shellcheck source=tests/support/haproxy.sh
. "$top/tests/support/haproxy.sh"
need haproxy perl

# The checks come from 127.0.0.1; clients that are none, from 127.0.0.3.
if ! free_port 127.0.0.3 >/dev/null 2>&1; then
	not_run haproxy-checks "127.0.0.3 is no address of this machine"
	finish
fi

# A client from 127.0.0.1 would be refused, would wait until HAProxy gives up, and
# would have no connection left after the third one.
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
log    { level = debug }
admin  { control = "$tmp/control.sock" }
limits { per-client = 3  rate = "3/1d"  connections = 60 }
listen proxied {
	address    = {"127.0.0.1:@PORT1@"}
	proxy-from = {"127.0.0.1"}
	filters    = {never, slow}
}
listen direct {
	address    = {"127.0.0.1:@PORT2@"}
	probe-from = {"127.0.0.1"}
	filters    = {never, slow}
}
delay slow { connect = 5s  except = {"127.0.0.3"} }
access never { deny = {"127.0.0.1"}  text = "a check is no client" }
backend sink { protocol = discard }
route in { rcpt-domain = {"example.org"}  backend = sink }
END
proxied_port=$port1 direct_port=$port2

# backend NAME PORT SERVER-ARGUMENTS [LINE...]
checked=
check_backend() {
	checked="$checked $1"
	echo "backend $1"
	_server="    server gw 127.0.0.1:$2 $3 check inter 100ms fall 1 rise 1"
	shift 3
	for _line; do echo "    $_line"; done
	echo "$_server"
}
backends() {
	checked=
	smtp='option smtpchk EHLO lb.example.org'
	check_backend v2-smtp "$proxied_port" \
	    'send-proxy-v2 check-send-proxy' "$smtp"
	check_backend v1-smtp "$proxied_port" \
	    'send-proxy check-send-proxy' "$smtp"
	check_backend v1-helo "$proxied_port" \
	    'send-proxy check-send-proxy' 'option smtpchk HELO lb.example.org'
	check_backend v2-banner "$proxied_port" \
	    'send-proxy-v2 check-send-proxy' 'option tcp-check' \
	    'tcp-check expect rstring ^220'
	check_backend v2-close "$proxied_port" 'send-proxy-v2 check-send-proxy'
	check_backend v1-close "$proxied_port" 'send-proxy check-send-proxy'
	check_backend mute "$proxied_port" 'send-proxy-v2'
	check_backend direct-smtp "$direct_port" '' "$smtp"
	check_backend direct-close "$direct_port" ''
}
backends >"$tmp/backends"
must haproxy_start haproxy_stat mute <<END
$(haproxy_common)
$(cat "$tmp/backends")
END

# --- up, and not limited ------------------------------------------------------------

probes() { grep -c 'event=session .*probe=yes' "$gw_log"; }
many_probes() { [ "$(probes)" -ge "$1" ]; }

for b in $checked; do
	check "$b: the server is UP" wait_until 10 haproxy_is "$b" UP
done
# Each of nine checks ten times a second: far beyond what a client may.
check "100 checks more" wait_until 30 many_probes $(($(probes) + 100))
for b in $checked; do
	# chkfail is field 22
	equal "$b: no check failed" "$(haproxy_stat "$b" | cut -d , -f 22)" 0
	check "$b: it is still UP" haproxy_is "$b" UP
done
for b in v2-smtp v1-smtp v1-helo direct-smtp; do
	check "$b: the check saw SMTP" wait_until 10 haproxy_saw_smtp "$b"
done

# --- and nothing in the log ---------------------------------------------------------------

lacks "no check is in the log of mail, of sessions, of mistakes" \
    "$(grep -v 'level=debug' "$gw_log" | grep -v 'posternd starts')" .
matches "a check that speaks is a probe, with level debug" "$(cat "$gw_log")" \
    'level=debug event=session .*helo=lb.example.org.*probe=yes|level=debug event=session .*probe=yes.*helo=lb.example.org'
lacks "and nobody else has said what checks say" \
    "$(grep 'helo=lb.example.org' "$gw_log" | grep -v probe=yes)" .

counted=$("$BUILD/posternctl" -s "$tmp/control.sock" status 2>&1 |
    awk '$1 == "probes" { print $2 }')
at_least "checks are counted" "${counted:-0}" 100

# --- clients are clients ---------------------------------------------------------------------

# Limited, with the checks going on: the fourth connection is one too many.
cat >"$tmp/clients.pl" <<'END'
use strict;
use wire;
my ($to, $header) = @ARGV;
for (1 .. 5) {
	my $c = wire->to($to, LocalAddr => $header ? '127.0.0.1' : '127.0.0.3');
	$c->put($header eq 'v1' ? "PROXY TCP4 127.0.0.3 127.0.0.1 4711 25\r\n" : '');
	my $r = $c->reply // 'closed';
	print substr($r, 0, 3), "\n";
}
END
heard() { wire "$tmp/clients.pl" "$@" 2>&1 | tr '\n' ' '; }
equal "clients behind the proxy are limited" \
    "$(heard "127.0.0.1:$proxied_port" v1)" "220 220 220 421 421 "
# A probe that begins a message is a client, and then it is asked like one.
cat >"$tmp/unmask.pl" <<'END'
use strict;
use wire;
my ($to, $header) = @ARGV;
$header =~ s/\\r\\n/\r\n/;
my $c = wire->to($to);
$c->put($header) if $header ne '';
$c->hello;
$c->put("MAIL FROM:<a\@example.net>\r\n");
print $c->reply // 'closed';
END
for h in 'PROXY TCP4 127.0.0.1 127.0.0.1 4711 25\r\n' 'PROXY UNKNOWN\r\n'; do
	matches "a check that begins a message is refused: ${h%%[\\ ][1r]*}" \
	    "$(wire "$tmp/unmask.pl" "127.0.0.1:$proxied_port" "$h" 2>&1)" \
	    '^[45][0-9][0-9] .*(a check is no client|too many|come too fast)'
done
matches "so it is for those in probe-from" \
    "$(wire "$tmp/unmask.pl" "127.0.0.1:$direct_port" '' 2>&1)" \
    '^[45][0-9][0-9] .*(a check is no client|too many|come too fast)'
for b in $checked; do
	check "$b: UP all the while" haproxy_is "$b" UP
	equal "$b: no check failed in the end" \
	    "$(haproxy_stat "$b" | cut -d , -f 22)" 0
done

stop "$haproxy_pid"
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
