package main

import (
	"bytes"
	"crypto/sha3"
	"encoding/binary"
	"fmt"
	"io"
)

// blockSize is a prime: no frame, packet, window or buffer divides it, so bytes that are
// lost, repeated, swapped or shifted do not compare equal.
const blockSize = 1048573

// chunkSize is the most that is written or compared at once.
const chunkSize = 64 << 10

// content is what a stream carries where both ends know every byte of it: a block of
// SHAKE-128 output, made from a seed and a direction, repeated.
type content struct {
	// block is followed by its own first bytes, so that a chunk never wraps.
	block []byte
}

func newContent(seed uint64, direction byte) content {
	input := append(binary.BigEndian.AppendUint64(nil, seed), direction)
	block := sha3.SumSHAKE128(input, blockSize)
	return content{append(block, block[:chunkSize]...)}
}

// at returns the next bytes at offset: size of them, or one chunk if that is less.
func (c content) at(offset, size uint64) []byte {
	start := offset % blockSize
	return c.block[start : start+min(size, chunkSize)]
}

func (c content) send(w io.Writer, size uint64) error {
	for sent := uint64(0); sent < size; {
		n, err := w.Write(c.at(sent, size-sent))
		if err != nil {
			return fmt.Errorf("sending at byte %d of %d: %w", sent, size, err)
		}
		sent += uint64(n)
	}
	return nil
}

// receive reads up to FIN and fails unless exactly the content arrives.
func (c content) receive(r io.Reader, size uint64) error {
	buffer := make([]byte, chunkSize)
	received := uint64(0)
	for {
		n, err := r.Read(buffer)
		if uint64(n) > size-received {
			return fmt.Errorf("more than %d bytes arrived", size)
		}
		if !bytes.Equal(buffer[:n], c.at(received, uint64(n))) {
			return fmt.Errorf("wrong bytes between %d and %d", received, received+uint64(n))
		}
		received += uint64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("receiving at byte %d of %d: %w", received, size, err)
		}
	}
	if received != size {
		return fmt.Errorf("FIN after %d bytes instead of %d", received, size)
	}
	return nil
}

// drain reads up to FIN and counts.
func drain(r io.Reader) (uint64, error) {
	buffer := make([]byte, chunkSize)
	received := uint64(0)
	for {
		n, err := r.Read(buffer)
		received += uint64(n)
		if err == io.EOF {
			return received, nil
		}
		if err != nil {
			return received, err
		}
	}
}
