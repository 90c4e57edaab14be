# shellcheck shell=sh disable=SC2034,SC2154,SC2317
# postfix.sh: a private Postfix.  Sourced behind peers.sh.
#
#	postfix_possible		else why not in $why
#	need_postfix			or the whole script is not run
#	postfix_main <LINES		main.cf: behind what all have in common
#	postfix_start PORT <LINES	master.cf: behind it; it is ready when it
#					answers at PORT
#	$pf				its directory; $pf/log, $pf/mail
#
#	smtpsink_start ARGS...		Postfix's smtp-sink, at $smtpsink_port; it writes
#					messages into $tmp/dump
#	smtpsink_newest			what came last, without what it puts around it

pf=$tmp/postfix

postfix_possible() {
	have postfix postqueue || {
		why="missing: $missing"
		return 1
	}
	if [ "$(id -u)" -ne 0 ]; then
		why="a private Postfix needs root"
		return 1
	fi
	for _u in postfix nobody; do
		id $_u >/dev/null 2>&1 && continue
		why="there is no user $_u"
		return 1
	done
	mkdir -p "$pf/etc" "$pf/queue" "$pf/data" "$pf/mail"
	chown postfix "$pf/data"
	chown nobody "$pf/mail"
}
need_postfix() {
	postfix_possible && return 0
	not_run "${self_name%.sh}" "$why"
	finish
}

postfix_main() {
	{
		cat <<-END
		compatibility_level = 3.6
		queue_directory = $pf/queue
		data_directory = $pf/data
		maillog_file = $pf/log
		maillog_file_prefixes = $tmp
		syslog_name = postern-test
		mydestination =
		inet_interfaces = 127.0.0.1
		inet_protocols = ipv4
		alias_maps =
		local_recipient_maps =
		local_transport = error:none
		virtual_mailbox_base = $pf/mail
		virtual_uid_maps = static:$(id -u nobody)
		virtual_gid_maps = static:$(id -g nobody)
		virtual_minimum_uid = 1
		smtp_host_lookup = native
		smtp_dns_support_level = disabled
		smtp_tls_security_level = none
		default_process_limit = 20
		END
		cat
	} >"$pf/etc/main.cf"
}

# One connection that says nothing but EHLO.
smtp_answers() {
	"$SMTPGEN" -n 1 --faults mail --timeout 5 "127.0.0.1:$1" 2>&1 |
	    grep -q 'faulted=1'
}

# Of services with the same name the last one counts.
postfix_start() {
	{
		cat <<-END
		cleanup   unix n - n -   0 cleanup
		qmgr      unix n - n 300 1 qmgr
		rewrite   unix - - n -   - trivial-rewrite
		bounce    unix - - n -   0 bounce
		defer     unix - - n -   0 bounce
		trace     unix - - n -   0 bounce
		verify    unix - - n -   1 verify
		proxymap  unix - - n -   - proxymap
		smtp      unix - - n -   - smtp
		relay     unix - - n -   - smtp
		error     unix - - n -   - error
		retry     unix - - n -   - error
		discard   unix - - n -   - discard
		virtual   unix - n n -   - virtual
		anvil     unix - - n -   1 anvil
		scache    unix - - n -   1 scache
		tlsmgr    unix - - n 1000? 1 tlsmgr
		postlog   unix-dgram n - n - 1 postlogd
		END
		cat
	} >"$pf/etc/master.cf"
	rm -f "$pf/queue/pid/master.pid"
	run postfix postfix -c "$pf/etc" start-fg
	# The master makes itself a session of its own: the pid is in its file.
	wait_until 20 test -s "$pf/queue/pid/master.pid" &&
	    postfix_pid=$(tr -d ' ' <"$pf/queue/pid/master.pid") &&
	    children="$children $postfix_pid"
	wait_until 20 smtp_answers "$1" && return 0
	cat "$tmp/postfix.log" "$pf/log" 2>/dev/null
	return 1
}

smtpsink_start() {
	mkdir -p "$tmp/dump"
	chmod 1777 "$tmp/dump"
	[ "$(id -u)" -ne 0 ] || set -- -u nobody "$@"
	for _try in 1 2 3; do
		smtpsink_port=$(free_port)
		run smtp-sink smtp-sink "$@" -d "$tmp/dump/%s." \
		    "127.0.0.1:$smtpsink_port" 256
		smtpsink_pid=$pid
		wait_until 10 smtp_answers "$smtpsink_port" && return 0
		stop "$smtpsink_pid"
	done
	cat "$tmp/smtp-sink.log"
	return 1
}

# In front is what smtp-sink was told, up to its Received; behind an empty line.
smtpsink_newest() {
	_newest=$(find "$tmp/dump" -type f -exec ls -t {} + | head -n 1)
	sed '$d' "$_newest" | awk 'body; /by smtp-sink/ { inside = 1 }
		inside && /\(UTC\)|[+-][0-9][0-9][0-9][0-9]/ { body = 1 }'
}
