// bide/bench: an echo server in Go, a goroutine for each connection: `go_echo PORT`.
package main

import (
	"fmt"
	"net"
	"os"
)

// Go sets TCP_NODELAY on every connection by itself.
func serve(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, 64*1024)
	for {
		size, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if _, err := connection.Write(buffer[:size]); err != nil {
			return
		}
	}
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintf(os.Stderr, "usage: %s PORT\n", os.Args[0])
		os.Exit(2)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ready")
	for {
		connection, err := listener.Accept()
		if err != nil {
			continue
		}
		go serve(connection)
	}
}
