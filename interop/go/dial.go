package main

import (
	"context"
	"errors"
	"fmt"
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
)

type dialOptions struct {
	address, version          string
	count, pings, echoStreams int
	upload, download          uint64
	perfUpload, perfDownload  uint64
	echoSize                  uint64
	idle                      time.Duration
	halfClose, reset          bool
	closer                    string
}

type result struct {
	Event         string        `json:"event"`
	LocalPeerID   peer.ID       `json:"local_peer_id"`
	PeerID        peer.ID       `json:"peer_id"`
	Address       string        `json:"address"`
	Version       string        `json:"version"`
	Agent         string        `json:"agent"`
	Protocols     []protocol.ID `json:"protocols"`
	ConnectMS     []float64     `json:"connect_ms"`
	IdentifyMS    []float64     `json:"identify_ms"`
	PingMS        []float64     `json:"ping_ms"`
	IdlePingMS    *float64      `json:"idle_ping_ms"`
	Upload        *transfer     `json:"upload"`
	Download      *transfer     `json:"download"`
	PerfUpload    *transfer     `json:"perf_upload"`
	PerfDownload  *transfer     `json:"perf_download"`
	Echo          *transfer     `json:"echo"`
	HalfClose     *bool         `json:"half_close"`
	Reset         *bool         `json:"reset"`
	ClosedAfterMS *float64      `json:"closed_after_ms"`
}

func dial(ctx context.Context, options dialOptions) error {
	target, err := peer.AddrInfoFromString(options.address)
	if err != nil {
		return usageError{err}
	}
	h, err := newHost(
		libp2p.NoListenAddrs,
		libp2p.Transport(libp2pwebrtc.New, libp2pwebrtc.WithDialerVersion(versions[options.version])),
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

// use does the steps on the connection that is there: none of them may dial another one.
func (d *dialer) use(ctx context.Context, options dialOptions) error {
	ctx = network.WithNoDial(ctx, "the steps use one connection")
	steps := []struct {
		name  string
		asked bool
		run   func(context.Context) error
	}{
		{"ping", options.pings > 0, func(ctx context.Context) (err error) {
			d.result.PingMS, err = d.ping(ctx, options.pings)
			return err
		}},
		{"idle", options.idle > 0, func(ctx context.Context) (err error) {
			d.result.IdlePingMS, err = d.idlePing(ctx, options.idle)
			return err
		}},
		{"upload", options.upload > 0, func(ctx context.Context) (err error) {
			d.result.Upload, err = d.checked(ctx, options.upload, 0)
			return err
		}},
		{"download", options.download > 0, func(ctx context.Context) (err error) {
			d.result.Download, err = d.checked(ctx, 0, options.download)
			return err
		}},
		{"perf upload", options.perfUpload > 0, func(ctx context.Context) (err error) {
			d.result.PerfUpload, err = d.perf(ctx, options.perfUpload, 0)
			return err
		}},
		{"perf download", options.perfDownload > 0, func(ctx context.Context) (err error) {
			d.result.PerfDownload, err = d.perf(ctx, 0, options.perfDownload)
			return err
		}},
		{"echo", options.echoSize > 0, func(ctx context.Context) (err error) {
			d.result.Echo, err = d.echo(ctx, options.echoSize, options.echoStreams)
			return err
		}},
		{"half-close", options.halfClose, func(ctx context.Context) (err error) {
			d.result.HalfClose, err = done(d.halfClose(ctx))
			return err
		}},
		{"reset", options.reset, func(ctx context.Context) (err error) {
			d.result.Reset, err = done(d.reset(ctx))
			return err
		}},
		{"close", options.closer == closeListener, func(ctx context.Context) (err error) {
			d.result.ClosedAfterMS, err = d.closedByListener(ctx)
			return err
		}},
	}
	for _, step := range steps {
		if !step.asked {
			continue
		}
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

func done(err error) (*bool, error) {
	yes := err == nil
	return &yes, err
}

// ping opens a stream and pings on it, back to back.
func (d *dialer) ping(ctx context.Context, count int) ([]float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	samples := make([]float64, 0, count)
	results := ping.Ping(ctx, d.host, d.target.ID)
	for range count {
		answer, open := <-results
		if !open {
			return nil, errors.Join(errors.New("the ping stream ended"), ctx.Err())
		}
		if answer.Error != nil {
			return nil, answer.Error
		}
		samples = append(samples, milliseconds(answer.RTT))
	}
	return samples, nil
}

// idlePing waits, and pings once, on a new stream: go-libp2p ends one that idles for 10 s.
func (d *dialer) idlePing(ctx context.Context, idle time.Duration) (*float64, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(idle):
	}
	samples, err := d.ping(ctx, 1)
	if err != nil {
		return nil, err
	}
	return &samples[0], nil
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
