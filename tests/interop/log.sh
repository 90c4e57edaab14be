#!/bin/sh
# log.sh: what is in the log is what etc/log.schema.json says, in both formats,
# for all transcripts and for a running posternd; and the queries of
# postern-log(5) find what they promise.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need perl
perl -MJSON::PP -e 1 2>/dev/null || {
	not_run log "perl has no JSON::PP"
	finish
}
# Nothing of the log goes unlooked at.
fits() {
	perl "$top/tests/support/logschema.pl" "$top/etc/log.schema.json" "$@"
}

# --- every transcript -----------------------------------------------------------

for format in logfmt json; do
	if "$BUILD/tests/play" -r "$format:$tmp/played.$format" \
	    "$top"/tests/scripts/*.smtp >"$tmp/play.out" 2>&1; then
		ok "the transcripts are played, with $format"
	else
		not_ok "the transcripts are played, with $format" \
		    "$(grep -v '^ok ' "$tmp/play.out")"
	fi
	at_least "they log much" "$(wc -l <"$tmp/played.$format")" 5000
	check "$format: what they log is as the schema says" \
	    fits "$format" <"$tmp/played.$format"
done
# shellcheck disable=SC2016 # perl
equal "every field of the records is in one of them" \
    "$(perl -MJSON::PP -e '
	my $defs = decode_json(do { local $/; <STDIN> })->{q($defs)};
	my %want = map { ($_ => 1) } map { keys %{ $defs->{$_}{properties} } }
	    qw(line client filters mail session auth server);
	open my $log, "<", $ARGV[0] or die;
	delete @want{keys %{ decode_json($_) }} while <$log>;
	print join " ", sort keys %want' \
	    "$tmp/played.json" <"$top/etc/log.schema.json")" \
    cut

# wrong NAME LINE WHAT: the schema refuses the line, and says what is wrong
wrong() {
	matches "refused: $1" "$(printf '%s\n' "$2" | fits json)" "^$3"
}
line=$(grep -m 1 '"result":"accepted".*"end":"quit"' "$tmp/played.json" ||
    grep -m 1 '"result":"accepted"' "$tmp/played.json")
check "one line that is good" fits json <<END
$line
END
wrong "a field nobody knows" "${line%\}},\"colour\":\"red\"}" 'colour is unknown'
wrong "text for a number" \
    "$(printf '%s\n' "$line" | sed 's/"ms":\([0-9]*\)/"ms":"\1"/')" \
    'ms is not of type integer'
wrong "a number for text" \
    "$(printf '%s\n' "$line" | sed 's/"from":"[^"]*"/"from":7/')" \
    'from is not of type string'
wrong "a result nobody knows" \
    "$(printf '%s\n' "$line" | sed 's/"accepted"/"lost"/')" \
    'result may not be "lost"'
wrong "a field that is missing" \
    "$(printf '%s\n' "$line" | sed 's/"listener":"[^"]*",//')" \
    'listener is missing'
wrong "a field that is there twice" "${line%\}},\"ms\":3}" 'ms is there twice'
wrong "no JSON" "ms=3" 'malformed'

# --- a running gateway ------------------------------------------------------------

# Clients are told apart by PROXY headers.
# shellcheck disable=SC2016 # perl
talk='
	sub client {
		my $c = wire->to("127.0.0.1:$ARGV[0]");
		$c->put("PROXY TCP4 $_[0] 192.0.2.1 4000 25\r\n");
		$c->hello;
		return $c;
	}
	sub mail {
		my ($c, $from, @to) = @_;
		$c->ask("MAIL FROM:<$from>", "...");
		$c->ask("RCPT TO:<$_>", "...") for @to;
		return if $c->ask("DATA", "...") !~ /^354/;
		$c->put("Subject: x\r\n\r\nx\r\n.\r\n");
		return $c->reply;
	}
	# Something that looks like other fields, and something long.
	my $odd = "\"x server=evil relay_ms=99999 client=192.0.2.9 filter=evil\"";
	my $long = "\"" . ("\\\"" x 28) . "\"";
	my $good = client("192.0.2.7");
	mail($good, "$odd\@example.net", "u\@example.org") for 1 .. 3;
	mail($good, "a\@example.net", "u\@slow.example.org");
	mail($good, "friend\@bad.test", "u\@example.org");
	$good->ask("RSET", 250);
	$good->ask("MAIL FROM:<a\@example.net>", 250);
	print $good->ask("RCPT TO:<nobody\@example.com>", 550);
	$good->ask("QUIT", 221);
	mail(client("192.0.2.8"), "a\@example.net",
	    ("$long\@example.org") x 20, ("$long\@example.com") x 10);
	for (1 .. 2) {
		my $bad = client("192.0.2.66");
		$bad->ask("AUTH PLAIN AGFsaWNlAHdyb25n", 535) for 1 .. 2;
		$bad->put("QUIT\r\n");
		$bad->rest;
	}
	my $worse = client("192.0.2.77");
	$worse->put("nonsense\r\n" x 25);
	$worse->rest;
	my $silent = client("192.0.2.88");
	$silent->ask("NOOP", 250);
'
# shellcheck disable=SC2016 # perl, a hash
hash=$(perl -e 'print crypt("right", q($6$rounds=5000$abcdefgh$))')
for format in logfmt json; do
	must sink "store.$format"
	store=$sink_port
	must sink "late.$format" --fail data=slow=300
	late=$sink_port
	must gateway "$format" <<END
hostname = "gw.example.org"
log { format = $format  level = debug }
resolver { servers = {"127.0.0.1:$(free_port)"}  timeout = 1s }
listen mx {
	address = {"127.0.0.1:@PORT1@"}  proxy-from = {"127.0.0.1"}
	auth = people  auth-plaintext = yes  filters = {names, lists}
}
rdns names { on-unknown = pass }
access lists { deny-sender = {bad.test} }
auth-file people { users = {"alice:$hash"}  fail-delay = 10ms }
backend store {
	protocol = smtp
	server a { address = "127.0.0.1:$store" }
	server gone { address = "127.0.0.1:$(free_port)" }
	check { interval = 1s  fall = 1 }
}
backend slow { protocol = smtp  server b { address = "127.0.0.1:$late" } }
route slow { rcpt-domain = {"slow.example.org"}  backend = slow }
route store { rcpt-domain = {"example.org"}  backend = store }
END
	wait_until 10 grep -q event.*server.*gone "$gw_log"
	refusal=$(wire -Mwire -e "$talk" "$port1" 2>&1)
	stop "$gw_pid"
	cp "$gw_log" "$tmp/log.$format"
	check "$format: what posternd logs is as the schema says" \
	    fits "$format" <"$tmp/log.$format"
	for event in mail session auth server resolver; do
		matches "$format: event $event" "$(cat "$tmp/log.$format")" \
		    "event(=|\":\")${event}[\" ]"
	done
	matches "$format: a line that is cut" "$(cat "$tmp/log.$format")" \
	    'cut(=|":")yes'
	id=$(printf '%s\n' "$refusal" | sed -n 's/.*\[\(.*\)\].*/\1/p')
	echo "$id" >"$tmp/id.$format"
done

# --- the queries of the manual ----------------------------------------------------

# Each literal block of QUERIES that begins with "$ " is a query: query1, ...
awk -v dir="$tmp" '
	/^\.Sh / { on = $2 == "QUERIES" }
	on && /^\.Bd -literal/ { file = dir "/query" ++n; next }
	/^\.Ed/ { file = "" }
	file != "" { sub(/^\$ /, ""); gsub(/\\e/, "\\"); print >file }
	END { print n }' "$top/man/postern-log.5" >"$tmp/queries"
equal "queries in the manual" "$(cat "$tmp/queries")" 10

# ask N FORMAT: what the query says of the log of before
ask() {
	sed -e "s,/var/log/maillog,$tmp/log.logfmt,
	    s,/var/log/postern.json,$tmp/log.json,
	    s,a40v2ddmvc000\\.1,$(cat "$tmp/id.$2"),
	    s,u@example.org,nobody@example.com," "$tmp/query$1" >"$tmp/query.sh"
	sh "$tmp/query.sh" 2>&1
}

formats=logfmt
if have jq; then
	formats="logfmt json"
else
	not_run "queries of JSON" "no jq"
fi
for format in $formats; do
	odd=1
	[ "$format" = logfmt ] || odd=2
	said=$(ask $odd "$format")
	matches "$format: why was it refused, by id" "$said" 'relaying denied'
	equal "$format: it is one record" \
	    "$(printf '%s\n' "$said" | grep -Ec 'result(": "|=)rejected')" 1
	said=$(ask $((odd + 2)) "$format")
	matches "$format: why was it refused, by recipient" "$said" \
	    'nobody@example.com: 550 relaying denied'
	said=$(ask $((odd + 4)) "$format" | sed 's/^ *//' | sort)
	matches "$format: who refuses how much" "$said" '^1 rejected lists$'
	lacks "$format: it is not deceived" "$said" evil
	said=$(ask $((odd + 6)) "$format")
	matches "$format: which backend was slow" "$said" \
	    "$([ "$format" = json ] || echo '^b 1 (3|4|5)[0-9][0-9] ')$(
	    [ "$format" = logfmt ] || printf '^slow/b\t1\t(3|4|5)[0-9][0-9]\t')"
	lacks "$format: it is not deceived" "$said" 'evil|99999'
	said=$(ask $((odd + 8)) "$format" | sed 's/^ *//')
	equal "$format: who attacks" "$said" "6 192.0.2.66
1 192.0.2.77"
done
finish
