// Command webrtc-direct-interop is go-libp2p as a peer for tests and benchmarks of
// webrtc-direct. It speaks JSON lines on stdout; interop/README.md describes them.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

const usage = `usage: webrtc-direct-interop listen [--ip IP] [--port PORT]
       webrtc-direct-interop dial MULTIADDR [--version v1|v2] [--count N] [--pings N] [--idle SECONDS]
           [--upload BYTES] [--download BYTES] [--perf-upload BYTES] [--perf-download BYTES]
           [--echo-size BYTES] [--echo-streams N] [--half-close] [--reset]
           [--close dialer|listener] [--timeout SECONDS]
       webrtc-direct-interop watch MULTIADDR [--version v1|v2] [--active]`

// versions are those of WebRTC-Direct, as go-libp2p calls them.
var versions = map[string]int{"v1": 1, "v2": 2}

// usageError is a bad command line: exit code 2 instead of 1.
type usageError struct{ error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	if err == nil {
		return
	}
	code := 1
	if _, ok := err.(usageError); ok {
		fmt.Fprintln(os.Stderr, usage)
		code = 2
	}
	fmt.Fprintln(os.Stderr, "error:", strings.ReplaceAll(err.Error(), "\n", " "))
	os.Exit(code)
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) >= 1 && args[0] == "listen":
		return runListen(ctx, args[1:])
	case len(args) >= 2 && args[0] == "dial":
		return runDial(ctx, args[1], args[2:])
	case len(args) >= 2 && args[0] == "watch":
		return runWatch(ctx, args[1], args[2:])
	}
	return usageError{fmt.Errorf("expected listen, or dial or watch and a multiaddr")}
}

func runListen(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("listen", flag.ContinueOnError)
	ip := flags.String("ip", "127.0.0.1", "IPv4 or IPv6 address")
	port := flags.Int("port", 0, "UDP port; 0 lets the system choose")
	if err := parse(flags, args); err != nil {
		return err
	}
	return listen(ctx, *ip, *port)
}

func runDial(ctx context.Context, address string, args []string) error {
	options := dialOptions{address: address}
	flags := flag.NewFlagSet("dial", flag.ContinueOnError)
	flags.StringVar(&options.version, "version", "v1", "v1 or v2")
	flags.IntVar(&options.count, "count", 1, "connections, one after the other; the last one is used for the rest")
	flags.IntVar(&options.pings, "pings", 0, "pings, back to back")
	flags.Uint64Var(&options.upload, "upload", 0, "bytes to send over "+checkedProtocol)
	flags.Uint64Var(&options.download, "download", 0, "bytes to receive over "+checkedProtocol)
	flags.Uint64Var(&options.perfUpload, "perf-upload", 0, "bytes to send over "+perfProtocol)
	flags.Uint64Var(&options.perfDownload, "perf-download", 0, "bytes to receive over "+perfProtocol)
	flags.Uint64Var(&options.echoSize, "echo-size", 0, "bytes to echo on each stream")
	flags.IntVar(&options.echoStreams, "echo-streams", 1, "streams that echo at once")
	idle := flags.Float64("idle", 0, "seconds to wait after the pings, before one more")
	flags.BoolVar(&options.halfClose, "half-close", false, "each end closes its side of a stream first, once")
	flags.BoolVar(&options.reset, "reset", false, "each end resets a stream, once")
	flags.StringVar(&options.closer, "close", closeDialer, "who closes the connection: dialer or listener")
	timeout := flags.Float64("timeout", 120, "seconds for all of it")
	if err := parse(flags, args); err != nil {
		return err
	}
	if _, known := versions[options.version]; !known {
		return usageError{fmt.Errorf("--version is v1 or v2, not %q", options.version)}
	}
	if options.closer != closeDialer && options.closer != closeListener {
		return usageError{fmt.Errorf("--close is dialer or listener, not %q", options.closer)}
	}
	options.idle = seconds(*idle)
	ctx, cancel := context.WithTimeout(ctx, seconds(*timeout))
	defer cancel()
	return dial(ctx, options)
}

func runWatch(ctx context.Context, address string, args []string) error {
	flags := flag.NewFlagSet("watch", flag.ContinueOnError)
	version := flags.String("version", "v1", "v1 or v2")
	active := flags.Bool("active", false, "a byte goes to and fro all the time")
	if err := parse(flags, args); err != nil {
		return err
	}
	number, known := versions[*version]
	if !known {
		return usageError{fmt.Errorf("--version is v1 or v2, not %q", *version)}
	}
	return watch(ctx, address, number, *active)
}

func seconds(count float64) time.Duration { return time.Duration(count * float64(time.Second)) }

func parse(flags *flag.FlagSet, args []string) error {
	flags.Usage = func() {}
	if err := flags.Parse(args); err != nil {
		return usageError{err}
	}
	if flags.NArg() > 0 {
		return usageError{fmt.Errorf("unexpected argument %q", flags.Arg(0))}
	}
	return nil
}

var stdout sync.Mutex

// emit prints one line of JSON. os.Stdout has no buffer, so it leaves at once.
func emit(event any) {
	line, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	stdout.Lock()
	defer stdout.Unlock()
	fmt.Println(string(line))
}
