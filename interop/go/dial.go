package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	libp2pwebrtc "github.com/libp2p/go-libp2p/p2p/transport/webrtc"
	"golang.org/x/sync/errgroup"
)

type dialOptions struct {
	address, version          string
	count, pings, echoStreams int
	upload, download          uint64
	perfUpload, perfDownload  uint64
	echoSize                  uint64
}

type transfer struct {
	Bytes    uint64  `json:"bytes"`
	Seconds  float64 `json:"seconds"`
	MBPerS   float64 `json:"mb_per_s"`
	Streams  int     `json:"streams"`
	Compared bool    `json:"compared"`
}

type result struct {
	Event        string        `json:"event"`
	LocalPeerID  peer.ID       `json:"local_peer_id"`
	PeerID       peer.ID       `json:"peer_id"`
	Address      string        `json:"address"`
	Version      string        `json:"version"`
	Agent        string        `json:"agent"`
	Protocols    []protocol.ID `json:"protocols"`
	ConnectMS    []float64     `json:"connect_ms"`
	IdentifyMS   []float64     `json:"identify_ms"`
	PingMS       []float64     `json:"ping_ms"`
	Upload       *transfer     `json:"upload"`
	Download     *transfer     `json:"download"`
	PerfUpload   *transfer     `json:"perf_upload"`
	PerfDownload *transfer     `json:"perf_download"`
	Echo         *transfer     `json:"echo"`
}

func dial(ctx context.Context, options dialOptions) error {
	target, err := peer.AddrInfoFromString(options.address)
	if err != nil {
		return usageError{err}
	}
	version := map[string]int{"v1": 1, "v2": 2}[options.version]
	h, err := newHost(
		libp2p.NoListenAddrs,
		libp2p.Transport(libp2pwebrtc.New, libp2pwebrtc.WithDialerVersion(version)),
	)
	if err != nil {
		return err
	}
	defer h.Close()
	d := dialer{host: h, target: *target, result: result{
		Event: "result", LocalPeerID: h.ID(), PeerID: target.ID, Address: options.address, Version: options.version,
	}}
	if err := d.connect(ctx, options.count); err != nil {
		return err
	}
	if err := d.use(ctx, options); err != nil {
		return err
	}
	emit(d.result)
	return nil
}

type dialer struct {
	host   host.Host
	target peer.AddrInfo
	result result
}

// connect dials count times and keeps the last connection. Each is identified before it is
// closed, so that a sample holds nothing of the one before.
func (d *dialer) connect(ctx context.Context, count int) error {
	identified, err := d.host.EventBus().Subscribe([]any{
		new(event.EvtPeerIdentificationCompleted), new(event.EvtPeerIdentificationFailed),
	})
	if err != nil {
		return err
	}
	defer identified.Close()
	d.host.Peerstore().AddAddrs(d.target.ID, d.target.Addrs, peerstore.PermanentAddrTTL)
	for i := range count {
		start := time.Now()
		// DialPeer ends with Noise; Connect of the host would wait for identify as well.
		if _, err := d.host.Network().DialPeer(ctx, d.target.ID); err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		connected := time.Now()
		d.result.ConnectMS = append(d.result.ConnectMS, milliseconds(connected.Sub(start)))
		if err := d.identify(ctx, identified); err != nil {
			return fmt.Errorf("identify: %w", err)
		}
		d.result.IdentifyMS = append(d.result.IdentifyMS, milliseconds(time.Since(connected)))
		if i+1 < count {
			if err := d.host.Network().ClosePeer(d.target.ID); err != nil {
				return fmt.Errorf("close: %w", err)
			}
		}
	}
	return nil
}

func (d *dialer) identify(ctx context.Context, identified event.Subscription) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case received := <-identified.Out():
		switch e := received.(type) {
		case event.EvtPeerIdentificationFailed:
			return e.Reason
		case event.EvtPeerIdentificationCompleted:
			d.result.Agent, d.result.Protocols = e.AgentVersion, e.Protocols
		}
		return nil
	}
}

func (d *dialer) use(ctx context.Context, options dialOptions) (err error) {
	if err := d.ping(ctx, options.pings); err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	steps := []struct {
		name   string
		bytes  uint64
		report **transfer
		run    func(context.Context) (*transfer, error)
	}{
		{"upload", options.upload, &d.result.Upload, func(ctx context.Context) (*transfer, error) {
			return d.checked(ctx, options.upload, 0)
		}},
		{"download", options.download, &d.result.Download, func(ctx context.Context) (*transfer, error) {
			return d.checked(ctx, 0, options.download)
		}},
		{"perf upload", options.perfUpload, &d.result.PerfUpload, func(ctx context.Context) (*transfer, error) {
			return d.perf(ctx, options.perfUpload, 0)
		}},
		{"perf download", options.perfDownload, &d.result.PerfDownload, func(ctx context.Context) (*transfer, error) {
			return d.perf(ctx, 0, options.perfDownload)
		}},
		{"echo", options.echoSize, &d.result.Echo, func(ctx context.Context) (*transfer, error) {
			return d.echo(ctx, options.echoSize, options.echoStreams)
		}},
	}
	for _, step := range steps {
		if step.bytes == 0 {
			continue
		}
		if *step.report, err = step.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

func (d *dialer) ping(ctx context.Context, count int) error {
	if count == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := ping.Ping(ctx, d.host, d.target.ID)
	for range count {
		answer, open := <-results
		if !open {
			return errors.Join(errors.New("the ping stream ended"), ctx.Err())
		}
		if answer.Error != nil {
			return answer.Error
		}
		d.result.PingMS = append(d.result.PingMS, milliseconds(answer.RTT))
	}
	return nil
}

func (d *dialer) checked(ctx context.Context, upload, download uint64) (*transfer, error) {
	const seed = 1
	header := binary.BigEndian.AppendUint64(nil, upload)
	header = binary.BigEndian.AppendUint64(header, download)
	header = binary.BigEndian.AppendUint64(header, seed)
	up, down := newContent(seed, directionUpload), newContent(seed, directionDownload)
	return d.timed(ctx, checkedProtocol, upload+download, true, func(s network.Stream) error {
		if _, err := s.Write(header); err != nil {
			return err
		}
		if err := up.send(s, upload); err != nil {
			return err
		}
		if err := s.CloseWrite(); err != nil {
			return err
		}
		if err := readAnswer(s); err != nil {
			return err
		}
		return down.receive(s, download)
	})
}

func readAnswer(s network.Stream) error {
	answer := make([]byte, 1)
	if _, err := io.ReadFull(s, answer); err != nil {
		return fmt.Errorf("waiting for the peer's comparison: %w", err)
	}
	if answer[0] != checkedOK {
		return fmt.Errorf("the peer answered %d", answer[0])
	}
	return nil
}

func (d *dialer) perf(ctx context.Context, upload, download uint64) (*transfer, error) {
	up := newContent(0, directionUpload)
	return d.timed(ctx, perfProtocol, upload+download, false, func(s network.Stream) error {
		if _, err := s.Write(binary.BigEndian.AppendUint64(nil, download)); err != nil {
			return err
		}
		if err := up.send(s, upload); err != nil {
			return err
		}
		if err := s.CloseWrite(); err != nil {
			return err
		}
		received, err := drain(s)
		if err == nil && received != download {
			err = fmt.Errorf("%d bytes arrived instead of %d", received, download)
		}
		return err
	})
}

// echo sends size bytes on each of the streams at once and compares what comes back.
func (d *dialer) echo(ctx context.Context, size uint64, streams int) (*transfer, error) {
	contents := make([]content, streams)
	for i := range contents {
		contents[i] = newContent(uint64(i), directionEcho)
	}
	group, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for _, c := range contents {
		group.Go(func() error {
			_, err := d.timed(ctx, echoProtocol, size, true, func(s network.Stream) error { return echoStream(s, c, size) })
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return newTransfer(size*uint64(streams), time.Since(start), streams, true), nil
}

func echoStream(s network.Stream, c content, size uint64) error {
	sent := make(chan error, 1)
	go func() {
		err := c.send(s, size)
		if err == nil {
			err = s.CloseWrite()
		}
		sent <- err
	}()
	if err := c.receive(s, size); err != nil {
		return err
	}
	return <-sent
}

// timed opens a stream, uses it, and measures from the opening to the peer's FIN.
func (d *dialer) timed(
	ctx context.Context, id protocol.ID, size uint64, compared bool, use func(network.Stream) error,
) (*transfer, error) {
	start := time.Now()
	s, err := d.host.NewStream(ctx, d.target.ID, id)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = s.SetDeadline(deadline)
	}
	if err := use(s); err != nil {
		_ = s.Reset()
		return nil, err
	}
	report := newTransfer(size, time.Since(start), 1, compared)
	return report, s.Close()
}

func newTransfer(size uint64, took time.Duration, streams int, compared bool) *transfer {
	return &transfer{
		Bytes: size, Seconds: took.Seconds(), MBPerS: float64(size) / 1e6 / took.Seconds(),
		Streams: streams, Compared: compared,
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// agent names the go-libp2p that this program was built with.
func agent() string {
	const module = "github.com/libp2p/go-libp2p"
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range build.Deps {
			if dependency.Path == module {
				return "go-libp2p/" + dependency.Version
			}
		}
	}
	return "go-libp2p"
}
