package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	"golang.org/x/sync/errgroup"
)

type transfer struct {
	Bytes    uint64  `json:"bytes"`
	Seconds  float64 `json:"seconds"`
	MBPerS   float64 `json:"mb_per_s"`
	Streams  int     `json:"streams"`
	Compared bool    `json:"compared"`
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
	answer, err := readByte(s)
	if err != nil {
		return fmt.Errorf("waiting for the peer's comparison: %w", err)
	}
	if answer != checkedOK {
		return fmt.Errorf("the peer answered %d", answer)
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
	s, err := d.open(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := use(s); err != nil {
		_ = s.Reset()
		return nil, err
	}
	report := newTransfer(size, time.Since(start), 1, compared)
	return report, s.Close()
}

// open returns a stream whose waits end with ctx.
func (d *dialer) open(ctx context.Context, id protocol.ID) (network.Stream, error) {
	s, err := d.host.NewStream(ctx, d.target.ID, id)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = s.SetDeadline(deadline)
	}
	return s, nil
}

func newTransfer(size uint64, took time.Duration, streams int, compared bool) *transfer {
	return &transfer{
		Bytes: size, Seconds: took.Seconds(), MBPerS: float64(size) / 1e6 / took.Seconds(),
		Streams: streams, Compared: compared,
	}
}
