#!/bin/sh
# lint-log.sh SCHEMA MANUAL SOURCE...: the fields of the log that the code
# writes, those of the schema and those of the manual are the same.
#
# In the code a field is the text constant behind record_str(r, and its like or
# fc_set_fact(fc,.  In the manual it is ".It Li name" in a list that is not in
# another one, below the heading that is the title of its definition in the
# schema.  Values that the schema lists are ".Li value" somewhere in the manual.

schema=$1 manual=$2
shift 2
[ -f "$schema" ] || { echo "$schema:1: is not there"; exit 0; }
perl -MJSON::PP -e 1 2>/dev/null || { echo "not run: perl has no JSON::PP"; exit 0; }
exec perl -MJSON::PP -e '
use strict;
my ($schema, $manual, @sources) = @ARGV;
sub slurp { open my $f, "<", $_[0] or die "$_[0]: $!\n"; local $/; <$f> }
my $defs = decode_json(slurp($schema))->{q($defs)};
my (%schema, %values, %code, %manual, %words);

for my $def (values %$defs) {
	my $title = $def->{title} or next;
	for my $key (keys %{ $def->{properties} }) {
		$schema{$title}{$key} = 1;
		my $p = $def->{properties}{$key};
		$values{$_} = $key for @{ $p->{enum} // [] };
	}
	# It is one of every line, and says which definition this is.
	delete $schema{$title}{event} if $title =~ /^event=/;
}
for my $file (@sources) {
	my $text = slurp($file);
	my $call = qr/(?:record_(?:str|num|real|fmt|add)|(?:fc|tx)_set_fact)/;
	$code{$1} //= "$file:" . (1 + (substr($text, 0, $-[0]) =~ tr/\n//))
	    while $text =~ /\b$call\(\s*[^,;"]+,\s*"([a-z_]+)"/g;
	# The name of a fact that is handed on, and " cut=yes".
	$words{$1} = 1 while $text =~ /"([a-z_]+)"/g;
	$words{$1} = 1 while $text =~ /" ([a-z]+)=yes"/g;
}
my ($title, $depth, $line) = ("", 0, 0);
my %said;
for (split /\n/, slurp($manual)) {
	$line++;
	$title = $1, $depth = 0 if /^\.S[hs] "?(.*?)"?$/;
	$depth++ if /^\.Bl /;
	$depth-- if /^\.El/;
	my @names = /^\.(?:It )?Li (.*)/ ? grep { !/^[.,;:()]$/ } split " ", $1 : ();
	$said{$_} = 1 for @names;
	next if $depth != 1 || !/^\.It Li / || !$schema{$title};
	$manual{$title}{$_} = $line for @names;
}
my %all = map { %$_ } values %schema;
print "$code{$_}: field $_ is not in $schema\n"
    for grep { !$all{$_} } sort keys %code;
print "$schema:1: nothing writes field $_\n"
    for grep { !$code{$_} && !$words{$_} } sort keys %all;
for my $t (sort keys %schema) {
	print "$manual:1: field $_ of \"$t\" is not described\n"
	    for grep { !$manual{$t}{$_} } sort keys %{ $schema{$t} };
	print "$manual:$manual{$t}{$_}: $_ is described, but \"$t\" of $schema ",
	    "has no such field\n"
	    for grep { !$schema{$t}{$_} } sort keys %{ $manual{$t} };
}
print "$manual:1: value $_ of field $values{$_} is not described\n"
    for grep { !$said{$_} } sort keys %values;
' "$schema" "$manual" "$@"
