package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	libp2pwebrtc "github.com/libp2p/go-libp2p/p2p/transport/webrtc"
)

const (
	echoProtocol = "/echo/1.0.0"
	perfProtocol = "/perf/1.0.0"

	// checkedProtocol moves content that both ends know; interop/README.md has its bytes.
	checkedProtocol = "/interop/checked/1.0.0"

	checkedHeaderSize = 24
	checkedOK         = 1

	directionUpload   = 'u'
	directionDownload = 'd'
	directionEcho     = 'e'
)

// newHost is stock go-libp2p with WebRTC-Direct as its one transport.
func newHost(options ...libp2p.Option) (host.Host, error) {
	return libp2p.New(append(options,
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
		libp2p.UserAgent(agent()),
	)...)
}

func listen(ctx context.Context, ip string, port int) error {
	address, err := netip.ParseAddr(ip)
	if err != nil {
		return usageError{err}
	}
	family := "ip4"
	if address.Is6() {
		family = "ip6"
	}
	h, err := newHost(
		libp2p.Transport(libp2pwebrtc.New),
		libp2p.ListenAddrStrings(fmt.Sprintf("/%s/%s/udp/%d/webrtc-direct", family, address, port)),
	)
	if err != nil {
		return err
	}
	h.Network().Notify(&network.NotifyBundle{
		ConnectedF:    func(_ network.Network, c network.Conn) { emitConnection("connected", c) },
		DisconnectedF: func(_ network.Network, c network.Conn) { emitConnection("disconnected", c) },
	})
	serve(h, echoProtocol, serveEcho)
	serve(h, perfProtocol, servePerf)
	serve(h, checkedProtocol, serveChecked)
	serve(h, halfCloseProtocol, serveHalfClose)
	serve(h, resetProtocol, serveReset)
	serve(h, closeProtocol, serveClose)

	addresses, err := h.Network().InterfaceListenAddresses()
	if err != nil {
		return err
	}
	full := make([]string, 0, len(addresses))
	for _, address := range addresses {
		full = append(full, fmt.Sprintf("%s/p2p/%s", address, h.ID()))
	}
	emit(map[string]any{"event": "listening", "peer_id": h.ID(), "addresses": full})
	<-ctx.Done()
	return h.Close()
}

func emitConnection(event string, c network.Conn) {
	emit(map[string]any{"event": event, "peer_id": c.RemotePeer(), "remote": c.RemoteMultiaddr()})
}

// serve registers a handler. One that fails resets its stream and prints an event.
func serve(h host.Host, id protocol.ID, handle func(network.Stream) error) {
	h.SetStreamHandler(id, func(s network.Stream) {
		if err := handle(s); err != nil {
			_ = s.Reset()
			emit(map[string]any{"event": "error", "protocol": id, "error": err.Error()})
			return
		}
		_ = s.Close()
	})
}

func serveEcho(s network.Stream) error {
	_, err := io.CopyBuffer(s, s, make([]byte, chunkSize))
	return err
}

func servePerf(s network.Stream) error {
	header := make([]byte, 8)
	if _, err := io.ReadFull(s, header); err != nil {
		return err
	}
	if _, err := drain(s); err != nil {
		return err
	}
	return newContent(0, directionDownload).send(s, binary.BigEndian.Uint64(header))
}

func serveChecked(s network.Stream) error {
	header := make([]byte, checkedHeaderSize)
	if _, err := io.ReadFull(s, header); err != nil {
		return err
	}
	upload := binary.BigEndian.Uint64(header)
	download := binary.BigEndian.Uint64(header[8:])
	seed := binary.BigEndian.Uint64(header[16:])
	if err := newContent(seed, directionUpload).receive(s, upload); err != nil {
		// A go-libp2p client hangs when its stream is reset in the middle of an upload.
		_, _ = drain(s)
		return err
	}
	if _, err := s.Write([]byte{checkedOK}); err != nil {
		return err
	}
	return newContent(seed, directionDownload).send(s, download)
}
