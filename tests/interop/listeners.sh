#!/bin/sh
# listeners.sh: unix sockets with owner and permissions, stale ones, both
# families on one port; each listener with a name of its own.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"

both='"127.0.0.1:@PORT1@"'
[ ! -r /proc/net/if_inet6 ] || both="$both, \"[::]:@PORT1@\""
group=$(id -gn)
must gateway gw <<END
hostname = "gw.example.org"
workers  = 1
listen both { address = {$both} }
listen local {
	address      = {"unix:$tmp/mail.sock"}
	socket-mode  = "0620"
	socket-group = "$group"
	hostname     = "local.example.org"
	greeting     = "this is local"
	limits { message-size = 1M }
}
backend sink { protocol = discard }
route sunk { rcpt-domain = {"example.org"}  backend = sink }
END

mode_of() { ls -ld "$1" | cut -c1-10; }
equal "the socket has the permissions that were asked for" \
    "$(mode_of "$tmp/mail.sock")" "srw--w----"
gen -n 20 -c 2 "unix:$tmp/mail.sock"
equal "mail over it" "$(field ok "$gen_out")" 20
gen -n 20 -c 2 "127.0.0.1:$port1"
equal "mail over IPv4" "$(field ok "$gen_out")" 20
if [ -r /proc/net/if_inet6 ]; then
	gen -n 20 -c 2 "[::1]:$port1"
	equal "mail over IPv6 on the same port" "$(field ok "$gen_out")" 20
else
	not_run "IPv6" "this system has none"
fi
said=$("$SMTPGEN" -v -n 1 "unix:$tmp/mail.sock" 2>&1)
matches "the listener's greeting" "$said" '220 this is local'
matches "its name and limit" "$said" '250[- ](local\.example\.org|SIZE 1048576)'

sed 's/"0620"/"0600"/' "$gw_conf" >"$tmp/new" && cat "$tmp/new" >"$gw_conf"
kill -HUP "$gw_pid"
check "a reload" wait_until 20 grep -q 'configuration is changed' "$gw_log"
equal "changes the permissions" "$(mode_of "$tmp/mail.sock")" "srw-------"
stop "$gw_pid"
equal "posternd ends well" "$code" 0
check "and the socket is gone" test ! -e "$tmp/mail.sock"
finish
