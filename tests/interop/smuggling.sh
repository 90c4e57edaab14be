#!/bin/sh
# smuggling.sh: what some server somewhere takes for the end of data, at every
# split, by DATA and in chunks, with a backend behind postern that falls for all
# of it.  Nothing of such a message arrives, and whoever sends it hears one
# reply to one message.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need perl

must wire_sink lenient lenient 1
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
listen mx { address = {"127.0.0.1:@PORT1@"} }
listen kind { address = {"127.0.0.1:@PORT2@"}  normalise-from = {"127.0.0.0/8"} }
backend lenient {
	protocol = smtp
	server one { address = "127.0.0.1:$wire_port" }
}
route in { rcpt-domain = {"example.org"}  backend = lenient }
END

cat >"$tmp/smuggle.pl" <<'END'
use strict;
use wire;
my ($gw, $sink, $dir, $kind) = @ARGV;
$| = 1;

my %end = (
	'LF . LF' => "\n.\n",
	'LF . CRLF' => "\n.\r\n",
	'CRLF . LF' => "\r\n.\n",
	'CR . CR' => "\r.\r",
	'CR . CRLF' => "\r.\r\n",
	'CR . LF' => "\r.\n",
	'LF . CR' => "\n.\r",
	'CRLF . CR' => "\r\n.\r",
	'CRLF NUL . CRLF' => "\r\n\0.\r\n",
	'CRLF . NUL CRLF' => "\r\n.\0\r\n",
	'CRLF . CR CR LF' => "\r\n.\r\r\n",
	'CRLF CR . CRLF' => "\r\n\r.\r\n",
	'LF CR . CR LF' => "\n\r.\r\n",
	'CRLF . LF CR' => "\r\n.\n\r",
	'NUL . CRLF' => "\0.\r\n",
);
my $front = "Subject: one\r\n\r\nhello";
sub message {
	my ($end, $who) = @_;
	return $front . $end . "MAIL FROM:<evil\@example.net>\r\n" .
	    "RCPT TO:<$who\@example.org>\r\nDATA\r\n" .
	    "Subject: two\r\n\r\nsmuggled\r\n";
}
sub count { my @all = glob "$dir/*"; return scalar @all; }
sub clear { unlink glob "$dir/*"; }
sub open_to {
	my ($to, $last) = @_;
	my $c = wire->to($to);
	$c->hello;
	$c->ask('MAIL FROM:<a@example.net>', 250);
	$c->ask('RCPT TO:<first@example.org>', 250);
	$c->ask('DATA', 354) unless $last;
	return $c;
}
# heard CLIENT: the codes of all replies until the end
sub heard {
	my ($c) = @_;
	my $all = $c->rest;
	return join ' ', $all =~ /^(\d{3}) /mg;
}

for my $name (sort keys %end) {
	my $end = $end{$name};
	my $who = 'victim';

	# That the backend falls for it, or this would show nothing.
	clear();
	my $c = open_to($sink);
	$c->put(message($end, $who) . ".\r\nQUIT\r\n");
	$c->rest;
	print "fooled: $name: ", count() > 1 ? "yes\n" : "no\n";
	clear();

	# All of the splits at once: the second halves go when all first ones
	# are there.
	my $m = message($end, $who) . ".\r\n";
	my $from = length($front) - 2;
	my $to = length($front) + length($end) + 2;
	my (@c, @bad);
	push @c, [$_, open_to($gw)] for $from .. $to;
	$_->[1]->put(substr $m, 0, $_->[0]) for @c;
	select undef, undef, undef, 0.02;
	$_->[1]->put(substr($m, $_->[0]) . "QUIT\r\n") for @c;
	for (@c) {
		my $got = heard($_->[1]);
		push @bad, "split at $_->[0]: $got" if $got ne '550 221';
	}
	# Octet by octet.
	$c = open_to($gw);
	$c->put(split //, $m . "QUIT\r\n");
	my $got = heard($c);
	push @bad, "octet by octet: $got" if $got ne '550 221';
	# As soon as it might be the end, and then nothing: no reply may come.
	$c = open_to($gw);
	$c->put($front . $end);
	push @bad, 'a reply before the end'
	    if IO::Select->new($c->{s})->can_read(0.05);
	$c->put("x\r\n.\r\nQUIT\r\n");
	$got = heard($c);
	push @bad, "slowly: $got" if $got ne '550 221';

	# In one chunk, and in two with a border at each octet.
	$m = message($end, $who);
	$c = open_to($gw, 1);
	$c->put('BDAT ' . length($m) . " LAST\r\n${m}QUIT\r\n");
	$got = heard($c);
	push @bad, "one chunk: $got" if $got ne '550 221';
	for my $at ($from .. $to) {
		my ($one, $two) = (substr($m, 0, $at), substr($m, $at));
		$c = open_to($gw, 1);
		$c->put('BDAT ' . length($one) . "\r\n$one" .
		    'BDAT ' . length($two) . " LAST\r\n${two}QUIT\r\n");
		$got = heard($c);
		push @bad, "chunks, border at $at: $got"
		    unless $got =~ /^(250|550) (550|503) 221$/;
	}
	# A chunk that ends where the end might be, then another message.
	$c = open_to($gw, 1);
	$c->put('BDAT ' . length($front . $end) . " LAST\r\n$front$end" .
	    "QUIT\r\n");
	$got = heard($c);
	push @bad, "a chunk that ends so: $got" if $got ne '550 221';
	push @bad, 'arrived: ' . join ' ', map { s,.*/,,r } glob "$dir/*"
	    if count();
	print "refused: $name: ", @bad ? 'no: ' . join('; ', @bad) : 'yes', "\n";
}

# Where it is made good instead of refused: one message, in which nothing is left
# that anybody takes for an end.
for my $name (sort keys %end) {
	my $m = message($end{$name}, 'victim');
	my $from = length($front) - 2;
	my $to = length($front) + length($end{$name}) + 2;
	my (@c, @bad);
	clear();
	push @c, [$_, open_to($kind)] for $from .. $to;
	$_->[1]->put(substr $m, 0, $_->[0]) for @c;
	select undef, undef, undef, 0.02;
	$_->[1]->put(substr($m, $_->[0]) . ".\r\nQUIT\r\n") for @c;
	for (@c) {
		my $got = heard($_->[1]);
		push @bad, "split at $_->[0]: $got" if $got ne '250 221';
	}
	for my $at ($from .. $to) {
		my ($one, $two) = (substr($m, 0, $at), substr($m, $at));
		my $c = open_to($kind, 1);
		$c->put('BDAT ' . length($one) . "\r\n$one" .
		    'BDAT ' . length($two) . " LAST\r\n${two}QUIT\r\n");
		my $got = heard($c);
		push @bad, "border at $at: $got" if $got ne '250 250 221';
	}
	push @bad, 'messages: ' . count() unless count() == 2 * @c;
	for my $f (glob "$dir/*") {
		local $/;
		open my $h, '<:raw', $f or die;
		my $got = <$h>;
		push @bad, "$f is not from the first sender" if $f !~ m,/first[^/]*$,;
		push @bad, "$f has a bare octet"
		    if $got =~ /\r(?!\n)|(?<!\r)\n|\0/;
		push @bad, "$f is not whole" if $got !~ /smuggled\r\n\z/;
	}
	print "normalised: $name: ", @bad ? 'no: ' . join('; ', @bad) : 'yes', "\n";
}

# What is allowed to look like it: dots that are stuffed, and in chunks any.
clear();
my $c = open_to($gw);
$c->put(message("\r\n..\r\n", 'x') . ".\r\nQUIT\r\n");
print 'stuffed: ', heard($c), ' ', count(), "\n";
clear();
$c = open_to($gw, 1);
my $m = message("\r\n.\r\n", 'x');
$c->put('BDAT ' . length($m) . " LAST\r\n${m}QUIT\r\n");
print 'chunk: ', heard($c), ' ', count(), "\n";
END

out=$(wire "$tmp/smuggle.pl" "127.0.0.1:$port1" "127.0.0.1:$wire_port" \
    "$tmp/lenient" "127.0.0.1:$port2" 2>&1)
printf '%s\n' "$out" | grep '^fooled' >"$tmp/fooled"
printf '%s\n' "$out" | grep '^refused' >"$tmp/refused"
equal "a lenient server falls for each of 15 ends of data" \
    "$(grep -c ': yes$' "$tmp/fooled")" 15
# verdicts FILE WHAT: a test for each line of FILE
verdicts() {
	while IFS= read -r line; do
		name=${line#*: }
		case $name in
		*": yes") ok "${name%: yes}: $2" ;;
		*) not_ok "${name%%: no*}: $2" "$line" ;;
		esac
	done <"$1"
	equal "$2: all of them were tried" "$(grep -c . "$1")" 15
}
verdicts "$tmp/refused" "one 550, and nothing arrives"
printf '%s\n' "$out" | grep '^normalised' >"$tmp/normalised"
verdicts "$tmp/normalised" "normalise-from: one message arrives, and nothing bare"
matches "a dot that was stuffed is one message" "$out" '^stuffed: 250 221 1$'
matches "CRLF . CRLF in a chunk is one message" "$out" '^chunk: 250 221 1$'
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
