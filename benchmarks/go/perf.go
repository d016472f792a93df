// Command perf is go-libp2p as a client of /perf/1.0.0 on several streams of one connection.
//
// It is built inside the module ../../interop/go, so that it is the same go-libp2p as its
// listener, and takes the same options as the client in ../client.py.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pwebrtc "github.com/libp2p/go-libp2p/p2p/transport/webrtc"
	"golang.org/x/sync/errgroup"
)

const (
	perfProtocol = "/perf/1.0.0"
	chunkSize    = 64 << 10
)

type result struct {
	Event      string  `json:"event"`
	Bytes      uint64  `json:"bytes"`
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpu_seconds"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", strings.ReplaceAll(err.Error(), "\n", " "))
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 || args[0] != "dial" {
		return fmt.Errorf("expected dial and a multiaddr")
	}
	flags := flag.NewFlagSet("dial", flag.ContinueOnError)
	upload := flags.Uint64("perf-upload", 0, "bytes to send on each stream")
	download := flags.Uint64("perf-download", 0, "bytes to receive on each stream")
	streams := flags.Int("perf-streams", 1, "streams at once")
	timeout := flags.Float64("timeout", 120, "seconds for all of it")
	if err := flags.Parse(args[2:]); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(*timeout*float64(time.Second)))
	defer cancel()
	target, err := peer.AddrInfoFromString(args[1])
	if err != nil {
		return err
	}
	h, err := libp2p.New(
		libp2p.NoListenAddrs, libp2p.Transport(libp2pwebrtc.New), libp2p.DisableRelay(), libp2p.DisableMetrics(),
	)
	if err != nil {
		return err
	}
	defer h.Close()
	if err := h.Connect(ctx, *target); err != nil {
		return err
	}
	cpu, start := cpuSeconds(), time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range *streams {
		group.Go(func() error { return perf(ctx, h, target.ID, *upload, *download) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result{
		Event: "result", Bytes: (*upload + *download) * uint64(*streams),
		Seconds: time.Since(start).Seconds(), CPUSeconds: cpuSeconds() - cpu,
	})
}

func perf(ctx context.Context, h host.Host, target peer.ID, upload, download uint64) error {
	s, err := h.NewStream(ctx, target, perfProtocol)
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.Write(binary.BigEndian.AppendUint64(nil, download)); err != nil {
		return err
	}
	zeros := make([]byte, chunkSize)
	for left := upload; left > 0; {
		n, err := s.Write(zeros[:min(left, chunkSize)])
		if err != nil {
			return err
		}
		left -= uint64(n)
	}
	if err := s.CloseWrite(); err != nil {
		return err
	}
	received, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, s, make([]byte, chunkSize))
	if err == nil && uint64(received) != download {
		err = fmt.Errorf("%d bytes arrived instead of %d", received, download)
	}
	return err
}

// cpuSeconds is the processor time of this process, in user space and in the kernel.
func cpuSeconds() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}
