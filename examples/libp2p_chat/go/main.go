// Command chat is a member of the chat that runs go-libp2p. Start it with the addresses of other members, or
// without any, and type lines. It is a server of the Kademlia DHT as well: ../lookup.py looks things up there.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/libp2p/go-libp2p"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pwebrtc "github.com/libp2p/go-libp2p/p2p/transport/webrtc"
)

const (
	anyPort = "/ip4/127.0.0.1/udp/0/webrtc-direct"
	room    = "chat"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, members []string) error {
	node, err := libp2p.New(
		libp2p.Transport(libp2pwebrtc.New),
		libp2p.ListenAddrStrings(anyPort),
		libp2p.DisableRelay(),
	)
	if err != nil {
		return err
	}
	defer node.Close()
	kademlia, err := dht.New(node, dht.Mode(dht.ModeServer))
	if err != nil {
		return err
	}
	defer kademlia.Close()
	gossip, err := pubsub.NewGossipSub(ctx, node)
	if err != nil {
		return err
	}
	topic, err := gossip.Join(room)
	if err != nil {
		return err
	}
	messages, err := topic.Subscribe()
	if err != nil {
		return err
	}
	if err := printAddress(node); err != nil {
		return err
	}
	go show(ctx, messages)
	for _, member := range members {
		info, err := peer.AddrInfoFromString(member)
		if err != nil {
			return err
		}
		if err := node.Connect(ctx, *info); err != nil {
			return err
		}
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := topic.Publish(ctx, lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}

func printAddress(node host.Host) error {
	addresses, err := peer.AddrInfoToP2pAddrs(host.InfoFromHost(node))
	if err != nil {
		return err
	}
	if len(addresses) == 0 {
		return fmt.Errorf("not listening on %s", anyPort)
	}
	fmt.Println(addresses[0])
	return nil
}

// show prints what all members write, as node.py does.
func show(ctx context.Context, messages *pubsub.Subscription) {
	for {
		message, err := messages.Next(ctx)
		if err != nil {
			return
		}
		from := message.GetFrom()
		fmt.Printf("%x: %s\n", []byte(from[max(0, len(from)-3):]), strings.TrimSpace(string(message.Data)))
	}
}
