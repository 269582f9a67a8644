# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_wiresnap_global_optspecs
    string join \n h/help V/version
end

function __fish_wiresnap_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_wiresnap_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_wiresnap_using_subcommand
    set -l cmd (__fish_wiresnap_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c wiresnap -n "__fish_wiresnap_needs_command" -s h -l help -d 'Print help'
complete -c wiresnap -n "__fish_wiresnap_needs_command" -s V -l version -d 'Print version'
complete -c wiresnap -n "__fish_wiresnap_needs_command" -f -a "capture" -d 'Play scenarios and capture them'
complete -c wiresnap -n "__fish_wiresnap_needs_command" -f -a "stats" -d 'Count packets and bytes, overall and per update'
complete -c wiresnap -n "__fish_wiresnap_needs_command" -f -a "payload" -d 'List the application payloads of a capture'
complete -c wiresnap -n "__fish_wiresnap_needs_command" -f -a "diff" -d 'Tell what changed between two captures, and why'
complete -c wiresnap -n "__fish_wiresnap_needs_command" -f -a "check" -d 'Compare captures with their reviewed listings'
complete -c wiresnap -n "__fish_wiresnap_needs_command" -f -a "accept" -d 'Take over new listings as reviewed, one by one or all'
complete -c wiresnap -n "__fish_wiresnap_needs_command" -f -a "learn" -d 'Play a scenario several times, and propose rules for what varies'
complete -c wiresnap -n "__fish_wiresnap_needs_command" -f -a "list" -d 'List the scenarios of the project, and which are captured and reviewed'
complete -c wiresnap -n "__fish_wiresnap_needs_command" -f -a "validate" -d 'Look scenario files through for mistakes'
complete -c wiresnap -n "__fish_wiresnap_needs_command" -f -a "init" -d 'Begin a project, with a first scenario'
complete -c wiresnap -n "__fish_wiresnap_needs_command" -f -a "docs" -d 'Bring the generated blocks of Markdown pages up to date'
complete -c wiresnap -n "__fish_wiresnap_needs_command" -f -a "report" -d 'Make a page of captures, to read and to show'
complete -c wiresnap -n "__fish_wiresnap_needs_command" -f -a "doctor" -d 'Tell what this machine lacks for a capture, and how to fix it'
complete -c wiresnap -n "__fish_wiresnap_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand capture" -l out -d 'Folder to write NAME.pcap and NAME.json to [default: the project\'s]' -r -F
complete -c wiresnap -n "__fish_wiresnap_using_subcommand capture" -l time-scale -d 'Play this many times as long: 0.1 is ten times as fast' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand capture" -l jobs -d 'How many scenarios to play at once [default: all]; on the host\'s network it is one' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand capture" -l preparing -d 'How many scenarios to prepare at once, before all begin [default: one for each processor]' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand capture" -l browser -d 'The browser to play with; with another than Firefox, only scenarios of a browser are played' -r -f -a "firefox\t'Firefox, through geckodriver'
chromium\t'Chromium, through chromedriver; its captures have a folder of their own, chromium/'"
complete -c wiresnap -n "__fish_wiresnap_using_subcommand capture" -l network -d 'The network to play on' -r -f -a "auto\t'Private ones where the system allows, else the host\'s'
private\t'A network namespace for each scenario: needs no privilege, lets nobody in'
host\t'The host\'s own loopback interface: needs privilege, and the ports must be free'"
complete -c wiresnap -n "__fish_wiresnap_using_subcommand capture" -l webdriver -d 'Play with a browser elsewhere, by its W3C WebDriver endpoint (a Selenium Grid\'s, geckodriver\'s); it takes the two options below' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand capture" -l advertise -d 'The address of this machine that a browser elsewhere opens, and that programs listen on' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand capture" -l interface -d 'The interface that faces a browser elsewhere, to capture on' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand capture" -l set -d 'Give a variable of the scenarios this value; for each variable once' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand capture" -l shared-machine -d 'Play with a browser on the host\'s network although other users of this machine could drive it meanwhile'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand capture" -l replace -d 'Replace a capture even if the new one says the same: without this, one that differs only in ports, dates and times, and was made by the same versions, stays as it is'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand capture" -l timings -d 'Say where the time outside of the timelines went'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand capture" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand stats" -l format -d 'How to print the figures' -r -f -a "table\t'Aligned columns'
markdown\t'Markdown tables, as documents take them in'
json\t'An array with an object per capture'"
complete -c wiresnap -n "__fish_wiresnap_using_subcommand stats" -l port -d 'Count only the packets of the server on this port' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand stats" -l memory -d 'Hold no more than so many bytes of what is captured, with K, M or G behind the number; the rest is kept in temporary files, or cut and counted' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand stats" -l explain -d 'List every packet with its role and phase'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand stats" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand payload" -l format -d 'How to write the listing' -r -f -a "text\t'Plain text, message after message'
json\t'One object, with a message for each request, response, frame or event'"
complete -c wiresnap -n "__fish_wiresnap_using_subcommand payload" -l connection -d 'Only the connection of this number, counted from 1' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand payload" -l message -d 'Only the message of this number in that connection, counted from 1' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand payload" -l port -d 'Only packets from or to this port' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand payload" -l memory -d 'Hold no more than so many bytes of what is captured, with K, M or G behind the number; the rest is kept in temporary files, or cut and counted' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand payload" -l redact -d 'Hide what changes from run to run: dates, times, ports, versions, keys, masks'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand payload" -l explain -d 'Take each WebSocket frame apart, bit by bit'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand payload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand diff" -l format -d 'How to print what differs' -r -f -a "text\t'A summary, then change by change, then figures'
json\t'One object'"
complete -c wiresnap -n "__fish_wiresnap_using_subcommand diff" -l ignore -d 'Kinds of differences that do not count: they are summed up, but make no exit code 1' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand diff" -l memory -d 'Hold no more than so many bytes of what is captured, with K, M or G behind the number; the rest is kept in temporary files, or cut and counted' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand diff" -l volatile -d 'Show the values too that change from run to run: ports, dates, times'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand check" -l captures -d 'Folder of the captures [default: the project\'s]' -r -F
complete -c wiresnap -n "__fish_wiresnap_using_subcommand check" -l format -d 'How to print what was found' -r -f -a "text\t'A line for each capture, with what differs below it'
json\t'An array with an object for each capture'
junit\t'JUnit\'s XML, a test case for each capture, for CI systems'"
complete -c wiresnap -n "__fish_wiresnap_using_subcommand check" -l memory -d 'Hold no more than so many bytes of what is captured, with K, M or G behind the number; the rest is kept in temporary files, or cut and counted' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand accept" -l captures -d 'Folder of the captures [default: the project\'s]' -r -F
complete -c wiresnap -n "__fish_wiresnap_using_subcommand accept" -l memory -d 'Hold no more than so many bytes of what is captured, with K, M or G behind the number; the rest is kept in temporary files, or cut and counted' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand accept" -l all -d 'Take over all that differ, without asking'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand accept" -s h -l help -d 'Print help'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand learn" -l times -d 'How often to play it' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand learn" -l time-scale -d 'Play each time this many times as long: 0.1 is ten times as fast' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand learn" -l browser -d 'The browser to play with' -r -f -a "firefox\t'Firefox, through geckodriver'
chromium\t'Chromium, through chromedriver; its captures have a folder of their own, chromium/'"
complete -c wiresnap -n "__fish_wiresnap_using_subcommand learn" -l from -d 'Captures of the scenario that there are already, two at least, instead of playing it' -r -F
complete -c wiresnap -n "__fish_wiresnap_using_subcommand learn" -l into -d 'The file that accepted rules are written into' -r -f -a "project\t'wiresnap.toml: they hold for all captures of the project'
scenario\t'The scenario\'s file: they hold for its captures alone'"
complete -c wiresnap -n "__fish_wiresnap_using_subcommand learn" -l set -d 'Give a variable of the scenarios this value; for each variable once' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand learn" -l format -d 'How to print what was found' -r -f -a "text\t'For people, who are asked for each rule where there is a terminal'
json\t'One object; nobody is asked'"
complete -c wiresnap -n "__fish_wiresnap_using_subcommand learn" -l memory -d 'Hold no more than so many bytes of what is captured, with K, M or G behind the number; the rest is kept in temporary files, or cut and counted' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand learn" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand list" -l format -d 'How to print the list' -r -f -a "text\t'Aligned columns'
json\t'An array with an object for each scenario'"
complete -c wiresnap -n "__fish_wiresnap_using_subcommand list" -l memory -d 'Hold no more than so many bytes of what is captured, with K, M or G behind the number; the rest is kept in temporary files, or cut and counted' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand validate" -l set -d 'Give a variable of the scenarios this value; for each variable once' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand validate" -s h -l help -d 'Print help'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand init" -s h -l help -d 'Print help'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand docs" -l memory -d 'Hold no more than so many bytes of what is captured, with K, M or G behind the number; the rest is kept in temporary files, or cut and counted' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand docs" -l check -d 'Write nothing; show what is not up to date, and end with exit code 1 where anything is not'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand docs" -s h -l help -d 'Print help'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand report" -l out -d 'HTML file to write, or `-` for standard output [default: report.html in the project]' -r -F
complete -c wiresnap -n "__fish_wiresnap_using_subcommand report" -l memory -d 'Hold no more than so many bytes of what is captured, with K, M or G behind the number; the rest is kept in temporary files, or cut and counted' -r
complete -c wiresnap -n "__fish_wiresnap_using_subcommand report" -s h -l help -d 'Print help'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand doctor" -l browser -d 'The browser that is to be captured with' -r -f -a "firefox\t'Firefox, through geckodriver'
chromium\t'Chromium, through chromedriver; its captures have a folder of their own, chromium/'"
complete -c wiresnap -n "__fish_wiresnap_using_subcommand doctor" -l format -d 'How to print what was found' -r -f -a "text\t'A line for each thing, and one for its fix'
json\t'One object, with all that was looked at'"
complete -c wiresnap -n "__fish_wiresnap_using_subcommand doctor" -l fix -d 'Have cargo build what is missing and what your system has no package of (geckodriver), after asking'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand doctor" -l yes -d 'With --fix, do not ask'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand help; and not __fish_seen_subcommand_from capture stats payload diff check accept learn list validate init docs report doctor help" -f -a "capture" -d 'Play scenarios and capture them'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand help; and not __fish_seen_subcommand_from capture stats payload diff check accept learn list validate init docs report doctor help" -f -a "stats" -d 'Count packets and bytes, overall and per update'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand help; and not __fish_seen_subcommand_from capture stats payload diff check accept learn list validate init docs report doctor help" -f -a "payload" -d 'List the application payloads of a capture'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand help; and not __fish_seen_subcommand_from capture stats payload diff check accept learn list validate init docs report doctor help" -f -a "diff" -d 'Tell what changed between two captures, and why'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand help; and not __fish_seen_subcommand_from capture stats payload diff check accept learn list validate init docs report doctor help" -f -a "check" -d 'Compare captures with their reviewed listings'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand help; and not __fish_seen_subcommand_from capture stats payload diff check accept learn list validate init docs report doctor help" -f -a "accept" -d 'Take over new listings as reviewed, one by one or all'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand help; and not __fish_seen_subcommand_from capture stats payload diff check accept learn list validate init docs report doctor help" -f -a "learn" -d 'Play a scenario several times, and propose rules for what varies'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand help; and not __fish_seen_subcommand_from capture stats payload diff check accept learn list validate init docs report doctor help" -f -a "list" -d 'List the scenarios of the project, and which are captured and reviewed'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand help; and not __fish_seen_subcommand_from capture stats payload diff check accept learn list validate init docs report doctor help" -f -a "validate" -d 'Look scenario files through for mistakes'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand help; and not __fish_seen_subcommand_from capture stats payload diff check accept learn list validate init docs report doctor help" -f -a "init" -d 'Begin a project, with a first scenario'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand help; and not __fish_seen_subcommand_from capture stats payload diff check accept learn list validate init docs report doctor help" -f -a "docs" -d 'Bring the generated blocks of Markdown pages up to date'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand help; and not __fish_seen_subcommand_from capture stats payload diff check accept learn list validate init docs report doctor help" -f -a "report" -d 'Make a page of captures, to read and to show'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand help; and not __fish_seen_subcommand_from capture stats payload diff check accept learn list validate init docs report doctor help" -f -a "doctor" -d 'Tell what this machine lacks for a capture, and how to fix it'
complete -c wiresnap -n "__fish_wiresnap_using_subcommand help; and not __fish_seen_subcommand_from capture stats payload diff check accept learn list validate init docs report doctor help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
