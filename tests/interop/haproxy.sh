#!/bin/sh
# haproxy.sh: swaks -> HAProxy (PROXY v1 and v2) -> posternd -> smtpsink and a
# maildir.  Who the client is, what HAProxy's health checks see, and who may
# not send a header.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
# shellcheck source=tests/support/haproxy.sh
. "$top/tests/support/haproxy.sh"
need haproxy swaks perl

# Clients come from 127.0.0.x: all of 127/8 is there on Linux, not elsewhere.
if ! free_port 127.0.0.3 >/dev/null 2>&1; then
	not_run haproxy "127.0.0.3 is no address of this machine"
	finish
fi

mkdir -m 1777 "$tmp/mail"
must sink sink
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
limits { proxy-timeout = 500ms }
listen mx {
	address    = {"127.0.0.1:@PORT1@"}
	proxy-from = {"127.0.0.1"}
}
backend sink {
	protocol = smtp
	server one { address = "127.0.0.1:$sink_port" }
}
backend store { protocol = maildir  path = "$tmp/mail/%u" }
route stored  { rcpt-domain = {"store.example.org"}  backend = store }
route sunk    { rcpt-domain = {"example.org"}  backend = sink }
END
gw_port=$port1

must haproxy_start haproxy_stat v2 <<END
$(haproxy_common)
frontend smtp_v1
    bind 127.0.0.1:@FRONT1@
    default_backend v1
frontend smtp_v2
    bind 127.0.0.1:@FRONT2@
    default_backend v2
backend v1
    option smtpchk EHLO lb.example.org
    server gw 127.0.0.1:$gw_port send-proxy check check-send-proxy inter 100ms fall 1 rise 1
backend v2
    option smtpchk EHLO lb.example.org
    server gw 127.0.0.1:$gw_port send-proxy-v2 check check-send-proxy inter 100ms fall 1 rise 1
backend crc
    server gw 127.0.0.1:$gw_port send-proxy-v2 proxy-v2-options crc32c,authority,unique-id
frontend smtp_crc
    bind 127.0.0.1:@FRONT3@
    unique-id-format %{+X}o%ci:%cp
    default_backend crc
END
v1_port=$front1 v2_port=$front2 crc_port=$front3

# --- the client that the proxy names --------------------------------------------

for v in v1 v2 crc; do
	case $v in
	v1) p=$v1_port from=127.0.0.3 ;;
	v2) p=$v2_port from=127.0.0.4 ;;
	crc) p=$crc_port from=127.0.0.5 ;;
	esac
	swaks_to "$p" --local-interface $from --to "$v@store.example.org"
	equal "$v: a message goes through the proxy" "$swaks_code" 0
	mail=$(cat "$tmp/mail/$v/new/"* 2>&1)
	matches "$v: Received names the client that the proxy tells of" "$mail" \
	    "^Received: from client.example.net \(\[$from\]\)"
	rec=$(record "$gw_log" "$(id_of "$swaks_out")")
	equal "$v: the record has the client" "$(key client "$rec")" $from
	equal "$v: the record has the proxy" "$(key proxy "$rec")" 127.0.0.1
done

# A proxy's own TLVs and many messages in a row.
gen -n 200 -c 10 -m 5 "127.0.0.1:$v2_port"
equal "200 messages through v2" "$(field ok "$gen_out")" 200
gen -n 200 -c 10 -m 5 --first 201 "127.0.0.1:$v1_port"
equal "200 messages through v1" "$(field ok "$gen_out")" 200
sink_now "$sink_pid" "$sink_log"
equal "the sink has all of them" \
    "$(field distinct "$sink_out") $(field lost "$sink_out") $(field duplicates "$sink_out")" \
    "400 0 0"

# --- health checks ---------------------------------------------------------------

for v in v1 v2; do
	check "$v: smtpchk with check-send-proxy: the server is UP" \
	    wait_until 10 haproxy_is $v UP
	# chkfail is field 22
	equal "$v: no check failed" "$(haproxy_stat $v | cut -d , -f 22)" 0
	check "$v: the check saw SMTP" wait_until 10 haproxy_saw_smtp $v
done
lacks "checks are no mail in the log" "$(cat "$gw_log")" \
    'helo=lb.example.org'
lacks "checks leave no warnings in the log" "$(cat "$gw_log")" 'level=warn .*PROXY'

# --- who may not speak ---------------------------------------------------------------

before=$(grep -c . "$gw_log")
swaks_to "$gw_port" --to a@example.org
lacks "a proxy's address without a header gets no greeting" "$swaks_out" '^<'
check "a proxy without a header is a warning that says what to do" \
    wait_until 5 grep -q 'level=warn .*header missing from a trusted proxy: .*127.0.0.1.*send-proxy' \
    "$gw_log"
swaks_to "$gw_port" --local-interface 127.0.0.2 --to direct@store.example.org
equal "an address that is no proxy is served without a header" "$swaks_code" 0
matches "and is the client itself" "$(cat "$tmp/mail/direct/new/"* 2>&1)" \
    '^Received: from client.example.net \(\[127.0.0.2\]\)'

for v in 1 2; do
	swaks_to "$gw_port" --local-interface 127.0.0.2 \
	    --to "forged$v@store.example.org" --proxy-version $v \
	    --proxy-family "$([ $v = 1 ] && echo TCP4 || echo AF_INET)" \
	    --proxy-protocol STREAM --proxy-command PROXY \
	    --proxy-source 192.0.2.66 --proxy-source-port 1234 \
	    --proxy-dest 192.0.2.1 --proxy-dest-port 25
	lacks "v$v: a header from elsewhere makes nobody a client" \
	    "$(grep 'event=mail' "$gw_log")" 'client=192.0.2.66'
	lacks "v$v: and nothing is delivered behind it" "$(ls "$tmp/mail")" "forged$v"
done
check "a header from elsewhere is logged" \
    wait_until 5 grep -q 'header from an untrusted peer: PROXY header from 127.0.0.2;.*add its address to proxy-from' "$gw_log"

# Connect and close, as simple checks do it: from the proxy and from others.
before=$(grep -c . "$gw_log")
for from in 127.0.0.1 127.0.0.2; do
	# shellcheck disable=SC2016 # perl's variables
	perl -MIO::Socket::INET -e '
		for (1 .. 50) {
			IO::Socket::INET->new(PeerAddr => $ARGV[0],
			    LocalAddr => $ARGV[1]) or die "connect: $!";
		}' "127.0.0.1:$gw_port" $from
done
# What comes behind them is served when they are through.
swaks_to "$v2_port" --to last@example.org
equal "checks that connect and close do no harm" "$swaks_code" 0
lines=$(($(grep -c . "$gw_log") - before))
at_most "and 100 of them do not fill the log" $lines 5

stop "$haproxy_pid"
if [ -f "$top/etc/haproxy.cfg" ]; then
	check "haproxy -c takes etc/haproxy.cfg" haproxy -c -f "$top/etc/haproxy.cfg"
fi
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
