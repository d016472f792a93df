package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// How streams and connections end; interop/README.md has the bytes of these protocols.
const (
	halfCloseProtocol = "/interop/half-close/1.0.0"
	resetProtocol     = "/interop/reset/1.0.0"
	closeProtocol     = "/interop/close/1.0.0"

	halfCloseDialerFirst   = 1
	halfCloseListenerFirst = 2
	halfCloseSeed          = 2
	halfCloseUp            = 1000
	halfCloseDown          = 2000

	resetByListener = 1
	resetByDialer   = 2

	closeDialer   = "dialer"
	closeListener = "listener"
)

// halfClose has each end finish writing first, once, and the other one answer after that FIN.
func (d *dialer) halfClose(ctx context.Context) error {
	up, down := newContent(halfCloseSeed, directionUpload), newContent(halfCloseSeed, directionDownload)
	err := d.on(ctx, halfCloseProtocol, halfCloseDialerFirst, func(s network.Stream) error {
		if err := sendAll(s, up, halfCloseUp); err != nil {
			return err
		}
		return down.receive(s, halfCloseDown)
	})
	if err != nil {
		return fmt.Errorf("the dialer first: %w", err)
	}
	err = d.on(ctx, halfCloseProtocol, halfCloseListenerFirst, func(s network.Stream) error {
		if err := down.receive(s, halfCloseDown); err != nil {
			return err
		}
		return sendAll(s, up, halfCloseUp)
	})
	if err != nil {
		return fmt.Errorf("the listener first: %w", err)
	}
	return d.settle(ctx)
}

func serveHalfClose(s network.Stream) error {
	up, down := newContent(halfCloseSeed, directionUpload), newContent(halfCloseSeed, directionDownload)
	kind, err := readByte(s)
	switch {
	case err != nil:
		return err
	case kind == halfCloseDialerFirst:
		if err := up.receive(s, halfCloseUp); err != nil {
			return err
		}
		return sendAll(s, down, halfCloseDown)
	case kind == halfCloseListenerFirst:
		if err := sendAll(s, down, halfCloseDown); err != nil {
			return err
		}
		return up.receive(s, halfCloseUp)
	}
	return fmt.Errorf("half-close of kind %d", kind)
}

// reset has each end reset a stream, once.
func (d *dialer) reset(ctx context.Context) error {
	if err := d.on(ctx, resetProtocol, resetByListener, expectReset); err != nil {
		return fmt.Errorf("by the listener: %w", err)
	}
	err := d.on(ctx, resetProtocol, resetByDialer, func(s network.Stream) error {
		echoed, err := readByte(s)
		if err != nil {
			return err
		}
		if echoed != resetByDialer {
			return fmt.Errorf("the peer echoed %d", echoed)
		}
		return s.Reset()
	})
	if err != nil {
		return fmt.Errorf("by the dialer: %w", err)
	}
	return d.settle(ctx)
}

func serveReset(s network.Stream) error {
	kind, err := readByte(s)
	switch {
	case err != nil:
		return err
	case kind == resetByListener:
		return s.Reset()
	case kind == resetByDialer:
		if _, err := s.Write([]byte{kind}); err != nil {
			return err
		}
		if err := expectReset(s); err != nil {
			return err
		}
		emit(map[string]any{"event": "reset-seen"})
		return nil
	}
	return fmt.Errorf("reset of kind %d", kind)
}

// expectReset reads until the peer resets the stream; an end of another kind is an error.
func expectReset(s network.Stream) error {
	received, err := drain(s)
	var reset *network.StreamError
	switch {
	case err == nil:
		return fmt.Errorf("FIN after %d bytes instead of a reset", received)
	case !errors.As(err, &reset) || !reset.Remote:
		return err
	}
	return nil
}

// closedByListener asks the listener to close the connection, and measures until it is noticed here.
func (d *dialer) closedByListener(ctx context.Context) (*float64, error) {
	closed := make(chan time.Time, 1)
	d.host.Network().Notify(&network.NotifyBundle{
		DisconnectedF: func(network.Network, network.Conn) { closed <- time.Now() },
	})
	s, err := d.open(ctx, closeProtocol)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if _, err := s.Write([]byte{1}); err != nil {
		return nil, err
	}
	// Its end comes with the end of the connection, in one way or another.
	_, _ = drain(s)
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case at := <-closed:
		after := milliseconds(at.Sub(start))
		return &after, nil
	}
}

func serveClose(s network.Stream) error {
	if _, err := readByte(s); err != nil {
		return err
	}
	return s.Conn().Close()
}

// on opens a stream, writes the byte that says what it is for, and uses it.
func (d *dialer) on(ctx context.Context, id protocol.ID, kind byte, use func(network.Stream) error) error {
	s, err := d.open(ctx, id)
	if err != nil {
		return err
	}
	if _, err = s.Write([]byte{kind}); err == nil {
		err = use(s)
	}
	if err != nil {
		_ = s.Reset()
		return err
	}
	return s.Close()
}

// settle returns when the peer has answered something that was sent after all that went before: the
// end of the connection may overtake what is on its way.
func (d *dialer) settle(ctx context.Context) error {
	_, err := d.ping(ctx, 1)
	return err
}

func sendAll(s network.Stream, c content, size uint64) error {
	if err := c.send(s, size); err != nil {
		return err
	}
	return s.CloseWrite()
}

func readByte(r io.Reader) (byte, error) {
	buffer := make([]byte, 1)
	_, err := io.ReadFull(r, buffer)
	return buffer[0], err
}
