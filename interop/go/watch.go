package main

import (
	"context"
	"io"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	libp2pwebrtc "github.com/libp2p/go-libp2p/p2p/transport/webrtc"
)

const echoEvery = 500 * time.Millisecond

// watch holds a connection until ctx ends, and tells connected, stream-ended and ended. Active: a
// byte goes to and fro all the time.
func watch(ctx context.Context, address string, version int, active bool) error {
	target, err := peer.AddrInfoFromString(address)
	if err != nil {
		return usageError{err}
	}
	h, err := newHost(libp2p.NoListenAddrs, libp2p.Transport(libp2pwebrtc.New, libp2pwebrtc.WithDialerVersion(version)))
	if err != nil {
		return err
	}
	defer h.Close()
	h.Network().Notify(&network.NotifyBundle{DisconnectedF: func(network.Network, network.Conn) {
		tell("ended", "Disconnected")
	}})
	h.Peerstore().AddAddrs(target.ID, target.Addrs, peerstore.PermanentAddrTTL)
	if _, err := h.Network().DialPeer(ctx, target.ID); err != nil {
		return err
	}
	if active {
		s, err := h.NewStream(network.WithNoDial(ctx, "one connection is watched"), target.ID, echoProtocol)
		if err != nil {
			return err
		}
		// The first one is there before anything may happen to the other end.
		if err := echoByte(s); err != nil {
			return err
		}
		go keepEchoing(s)
	}
	tell("connected", "")
	<-ctx.Done()
	return nil
}

func keepEchoing(s network.Stream) {
	for {
		time.Sleep(echoEvery)
		if err := echoByte(s); err != nil {
			tell("stream-ended", err.Error())
			return
		}
	}
}

func echoByte(s network.Stream) error {
	data := []byte{1}
	if _, err := s.Write(data); err != nil {
		return err
	}
	_, err := io.ReadFull(s, data)
	return err
}

func tell(event, detail string) {
	emit(map[string]string{"event": event, "detail": detail})
}
