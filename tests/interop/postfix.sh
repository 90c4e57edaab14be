#!/bin/sh
# postfix.sh: Postfix on both sides of posternd.  smtp-source -> posternd ->
# smtp-sink; a private instance as the backend; the same as a client, with
# posternd as its relayhost.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
# shellcheck source=tests/support/postfix.sh
. "$top/tests/support/postfix.sh"
need smtp-source smtp-sink

# --- smtp-source -> posternd -> smtp-sink -------------------------------------------

must smtpsink_start

must sink relayed
relayed_pid=$sink_pid relayed_log=$sink_log

# The gateway's backends need ports, Postfix needs the gateway's: so Postfix
# gets its own here and is started behind.
pf_port=$(free_port)
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
listen mx { address = {"127.0.0.1:@PORT1@"}  xclient-from = {"127.0.0.1"} }
listen behind { address = {"127.0.0.1:@PORT2@"}  xforward-from = {"127.0.0.1"} }
backend dump {
	protocol = smtp
	server one { address = "127.0.0.1:$smtpsink_port" }
}
backend postfix {
	protocol = smtp
	identify = xforward
	server one { address = "127.0.0.1:$pf_port" }
}
backend relayed {
	protocol = smtp
	server one { address = "127.0.0.1:$sink_port" }
}
route dump    { rcpt-domain = {"dump.example.org"}  backend = dump }
route relayed { rcpt-domain = {"relay.example.org"}  backend = relayed }
route postfix { rcpt-domain = {"example.org", "elsewhere.example.net"}  backend = postfix }
END
gw_port=$port1 behind_port=$port2

dumped() { find "$tmp/dump" -type f | awk 'END { print NR }'; }

# source NAME COUNT ARGS...: COUNT messages have to arrive
sent=0
source_test() {
	_what=$1 _count=$2
	shift 2
	_before=$(dumped)
	if _err=$(smtp-source -f sender@example.net -t user@dump.example.org \
	    -M client.example.net "$@" "127.0.0.1:$gw_port" 2>&1); then
		equal "smtp-source, $_what" "$(($(dumped) - _before))" "$_count"
	else
		not_ok "smtp-source, $_what" "$_err"
	fi
	sent=$((sent + _count))
}
source_test "a message" 1
source_test "20 sessions at once, a message each" 200 -s 20 -m 200
source_test "10 sessions, many messages in each" 200 -d -s 10 -m 200
source_test "5 recipients" 50 -s 5 -m 50 -r 5
source_test "5 recipients, many messages in each session" 50 -d -s 5 -m 50 -r 5
source_test "100 KiB messages" 40 -s 4 -m 40 -l 102400
equal "one record for each" \
    "$(grep -c 'event=mail.*result=accepted.*backend=dump' "$gw_log")" "$sent"
dump_links=$(grep 'event=mail.*backend=dump' "$gw_log" | grep -c 'link=new')
at_most "and far fewer connections to the backend" "$dump_links" 60
stop "$smtpsink_pid"

# --- a private instance ----------------------------------------------------------------

postfix_tests() {
	submit_port=$(free_port) filter_port=$(free_port)
	postfix_main <<-END
	myhostname = store.example.org
	mynetworks = 127.0.0.0/8
	virtual_mailbox_domains = example.org
	virtual_mailbox_maps = inline:{ user@example.org=user/, other@example.org=other/ }
	smtpd_relay_restrictions = permit_mynetworks, reject
	backend_restrictions = check_recipient_access inline:{ {refused@example.org=554 5.7.0 refused by order}, {grey@example.org=450 4.7.1 come back later} }, reject_unauth_destination
	smtpd_recipient_limit = 50
	smtpd_authorized_xforward_hosts = 127.0.0.0/8
	relayhost = [127.0.0.1]:$gw_port
	minimal_backoff_time = 1s
	queue_run_delay = 1s
	END
	must postfix_start "$pf_port" <<-END
	127.0.0.1:$pf_port inet n - n - - smtpd -o mynetworks= -o smtpd_relay_restrictions=\$backend_restrictions
	127.0.0.1:$submit_port inet n - n - - smtpd
	127.0.0.1:$filter_port inet n - n - - smtpd -o smtpd_proxy_filter=127.0.0.1:$behind_port -o smtpd_proxy_ehlo=filter.example.net
	END
	postfix_as_server
	postfix_extensions
	postfix_as_client
	postfix_in_front
}

stored() { find "$pf/mail/$1/new" -type f 2>/dev/null | awk 'END { print NR }'; }
has_stored() { [ "$(stored "$1")" -ge "$2" ]; }

postfix_as_server() {
	if have swaks; then
		swaks_to "$gw_port" --to user@example.org
		equal "server: a message is accepted" "$swaks_code" 0
		matches "server: the reply is Postfix's own" "$swaks_out" \
		    '^<-  250 2\.0\.0 .*queued as [0-9A-Za-z]+'
		queued=$(printf '%s\n' "$swaks_out" |
		    sed -n 's/.*queued as \([0-9A-Za-z]*\).*/\1/p')
		check "server: that is the message in Postfix's log" \
		    wait_until 10 grep -q "$queued: to=<user@example.org>.*status=sent" \
		    "$pf/log"
		matches "server: stored with our Received" \
		    "$(cat "$pf/mail/user/new/"* 2>&1)" \
		    '^Received: from client.example.net \(\[127.0.0.1\]\)'

		# Alternating clients over one pooled connection: each message
		# has its own.
		for client in 192.0.2.7 198.51.100.9 192.0.2.7; do
			swaks_to "$gw_port" --to user@example.org \
			    --xclient-addr "$client" --xclient-name "c.$client.test"
			queued=$(printf '%s\n' "$swaks_out" |
			    sed -n 's/.*queued as \([0-9A-Za-z]*\).*/\1/p')
			check "server: Postfix knows $client by XFORWARD" \
			    wait_until 10 grep -qF \
			    "$queued: client=localhost[127.0.0.1], orig_queue_id=$(id_of "$swaks_out"), orig_client=c.$client.test[$client]" \
			    "$pf/log"
		done
		# Each worker has its own pool: of three messages through two
		# workers one at least finds a connection.
		at_least "server: over pooled connections" \
		    "$(grep 'backend=postfix' "$gw_log" | tail -n 3 |
			grep -c 'link=pooled')" 1

		swaks_to "$gw_port" --to unknown@example.org
		matches "server: an unknown user is 550 in Postfix's words" \
		    "$swaks_out" \
		    '^<\*\* 550 5\.1\.1 .*unknown@example.org.*User unknown in virtual mailbox table'
		swaks_to "$gw_port" --to refused@example.org
		matches "server: another 5xx passes too" "$swaks_out" \
		    '^<\*\* 554 5\.7\.0 .*refused'
		swaks_to "$gw_port" --to grey@example.org
		matches "server: a 450 passes" "$swaks_out" '^<\*\* 450 4\.7\.1 .*come'
		# What Postfix does not relay for us is our mistake, not the
		# sender's.
		swaks_to "$gw_port" --to somebody@elsewhere.example.net
		matches "server: its relaying denied is 451" "$swaks_out" '^<\*\* 451 4\.3'
		check "server: and an alarm" grep -q \
		    'level=warn event=mail.*elsewhere.example.net.*[Rr]elay access denied' \
		    "$gw_log"
	else
		not_run "Postfix's replies to swaks" "missing: swaks"
	fi
	before=$(stored other)
	check "server: 100 messages from smtp-source" smtp-source -s 10 -m 100 \
	    -f sender@example.net -t other@example.org "127.0.0.1:$gw_port"
	check "server: all of them are stored" \
	    wait_until 20 has_stored other $((before + 100))
	equal "server: none of them twice" "$(stored other)" $((before + 100))
	at_most "server: over few connections" \
	    "$(grep -c 'smtpd.*: connect from' "$pf/log")" 40
}

# What is offered is what Postfix offers, and what is used gets there.
postfix_extensions() {
	if ! have perl; then
		not_run "extensions" "missing: perl"
		return
	fi
	first_pid=$gw_pid first_log=$gw_log
	must gateway ext <<-END
	hostname = "gw.example.org"
	workers  = 2
	listen in { address = {"127.0.0.1:@PORT1@"} }
	backend postfix {
		protocol = smtp
		server one { address = "127.0.0.1:$pf_port" }
	}
	route in { backend = postfix  rcpt-domain = {"example.org"} }
	END
	ext_pid=$gw_pid ext_port=$port1 ext_log=$gw_log

	talk "$ext_port" <<-END
	EHLO client.example.net
	MAIL FROM:<sender@example.net> SMTPUTF8
	MAIL FROM:<sender@example.net>
	RCPT TO:<user@example.org>
	DATA
	Subject: the first one

	.
	END
	lacks "extensions: nothing is offered before Postfix was talked to" \
	    "$talk_out" '250-(8BITMIME|SMTPUTF8|DSN|BINARYMIME)'
	matches "extensions: nor taken" "$talk_out" '^555 5\.5\.4 .*not offered'
	matches "extensions: a message" "$talk_out" '^250 2\.0\.0 .*queued as'

	# In both workers, behind a reload too: it is in shared memory.
	kill -HUP "$ext_pid"
	wait_until 10 grep -q 'the configuration is changed' "$ext_log"
	offers=
	for _i in 1 2 3 4 5 6; do
		talk "$ext_port" <<-END
		EHLO client.example.net
		QUIT
		END
		offers="$offers$(printf '%s\n' "$talk_out" |
		    grep -cE '^250-(8BITMIME|SMTPUTF8|DSN|SIZE 10235904).$')"
	done
	equal "extensions: then what Postfix offers" "$offers" 444444
	lacks "extensions: and no more" "$talk_out" '250-BINARYMIME'

	# A mailbox that is the sender gets the notification that it asked for.
	before=$(stored user)
	talk "$ext_port" <<-END
	EHLO client.example.net
	MAIL FROM:<user@example.org> RET=HDRS ENVID=QQ+2B314
	RCPT TO:<other@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;first+2Bchoice@example.com
	DATA
	Subject: please notify

	.
	END
	matches "extensions: DSN is taken" "$talk_out" '^250 2\.0\.0 .*queued as'
	check "extensions: Postfix notifies" \
	    wait_until 20 has_stored user $((before + 1))
	dsn=$(cat "$pf/mail/user/new/"*)
	matches "extensions: it was told ENVID" "$dsn" \
	    '^Original-Envelope-Id: QQ\+314'
	matches "extensions: and ORCPT" "$dsn" \
	    '^Original-Recipient: rfc822;first\+choice@example\.com'
	matches "extensions: and NOTIFY" "$dsn" '^Action: delivered'
	lacks "extensions: and RET" "$dsn" 'Content-Type: message/rfc822'
	equal "extensions: the log has it" \
	    "$(grep -c 'event=mail .*esmtp=DSN envid=QQ+314' "$ext_log")" 1

	talk "$ext_port" <<-END
	EHLO client.example.net
	MAIL FROM:<jürg@bücher.example> BODY=8BITMIME SMTPUTF8
	RCPT TO:<user@example.org>
	DATA
	From: jürg@bücher.example
	Subject: grüße

	ä
	.
	END
	matches "extensions: SMTPUTF8 is taken" "$talk_out" \
	    '^250 2\.0\.0 .*queued as'
	queued=$(printf '%s\n' "$talk_out" |
	    sed -n 's/.*queued as \([0-9A-Za-z]*\).*/\1/p')
	check "extensions: Postfix has the address" wait_until 10 grep -q \
	    "$queued: from=<jürg@bücher.example>" "$pf/log"
	check "extensions: and stores the message" wait_until 10 grep -rqa \
	    '^Subject: grüße' "$pf/mail/user/new"
	check "extensions: with our Received" grep -rqa \
	    'by gw.example.org with UTF8SMTP id' "$pf/mail/user/new"
	talk "$ext_port" <<-END
	EHLO client.example.net
	MAIL FROM:<jürg@bücher.example>
	QUIT
	END
	matches "extensions: not without being asked for" "$talk_out" \
	    '^553 5\.6\.7 '
	if have swaks; then
		swaks_to "$ext_port" --to user@example.org \
		    --header "Subject: by swaks"
		equal "extensions: swaks is content" "$swaks_code" 0
	fi
	stop "$ext_pid"
	equal "extensions: posternd ends well" "$code" 0
	gw_pid=$first_pid gw_log=$first_log
}

relayed_all() {
	sink_now "$relayed_pid" "$relayed_log"
	[ "$(field messages "$sink_out")" -ge "$1" ]
}
empty_queue() { [ -z "$(postqueue -c "$pf/etc" -j)" ]; }

postfix_as_client() {
	check "client: 100 messages into Postfix" smtp-source -s 5 -m 100 \
	    -f sender@example.net -t user@relay.example.org "127.0.0.1:$submit_port"
	check "client: its smtp(8) brings them through posternd" \
	    wait_until 30 relayed_all 100
	check "client: 20 messages with 5 recipients" smtp-source -s 2 -m 20 -r 5 \
	    -f sender@example.net -t user@relay.example.org "127.0.0.1:$submit_port"
	check "client: they come through too" wait_until 30 relayed_all 120
	check "client: Postfix's queue is empty" wait_until 20 empty_queue
	sink_end "$relayed_pid" "$relayed_log"
	equal "client: nothing twice, nothing empty, nothing against the protocol" \
	    "$(field messages "$sink_out") $(field recipients "$sink_out") $(field empty "$sink_out") $(field protocol "$sink_out")" \
	    "120 200 0 0"
	check "client: Postfix has our id in its log" grep -q \
	    'status=sent (250 .*\[[0-9a-z]\{13\}\.[0-9]*\])' "$pf/log"
}

# smtpd_proxy_filter: posternd is the filter, and is told of whom a message is.
postfix_in_front() {
	have swaks || {
		not_run "Postfix in front, XFORWARD" "missing: swaks"
		return
	}
	from=127.0.0.3
	free_port $from >/dev/null 2>&1 || from=127.0.0.1
	swaks_to "$filter_port" --local-interface $from --to user@example.org
	equal "in front: a message" "$swaks_code" 0
	rec=$(record "$gw_log" "$(id_of "$swaks_out")")
	equal "in front: the client is Postfix" \
	    "$(key client "$rec") $(key helo "$rec")" \
	    "127.0.0.1 filter.example.net"
	matches "in front: the record has whom it was for" \
	    "$(key xforward "$rec")" "ADDR=$from .*HELO=client.example.net"
	swaks_to "$filter_port" --local-interface $from \
	    --to user@nowhere.example.com
	matches "in front: what we refuse, it refuses" "$swaks_out" \
	    '^<\*\* 550 5\.7\.1 relaying denied'
}

if postfix_possible; then
	postfix_tests
else
	not_run "a private Postfix instance" "$why"
fi

[ -z "${postfix_pid:-}" ] || stop "$postfix_pid"
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
