// What every SDK must do, in Go: the guest of the conformance table.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"caxton"
)

func refused(err error) error { return fmt.Errorf("refused: %w", err) }

type nothing struct{}

func init() {
	caxton.Tool("hello", "Greets somebody by name.", func(in struct {
		Name string `json:"name"`
	}) (any, error) {
		return "Hello, " + in.Name + "!", nil
	}, caxton.Options{"annotations": map[string]any{"readOnlyHint": true}})
	caxton.Tool("echo", "Says what it is told.", func(in struct {
		Text string `json:"text"`
	}) (any, error) {
		return in.Text, nil
	})
	caxton.Tool("fail", "Fails in the way it is asked to.", func(in struct {
		Kind string `json:"kind"`
	}) (any, error) {
		if in.Kind == "invalid" {
			return nil, caxton.Invalid("as asked: invalid")
		}
		return nil, errors.New("as asked: failed")
	})
	caxton.Tool("big", "Answers at length.", func(in struct {
		Kib int `json:"kib"`
	}) (any, error) {
		return strings.Repeat("x", in.Kib*1024), nil
	})
	caxton.Tool("spin", "Never ends.", func(nothing) (any, error) {
		for {
		}
	})
	caxton.Tool("trap", "Crashes.", func(nothing) (any, error) {
		panic("a defect of the tool")
	})
	caxton.Tool("read", "Reads a file.", func(in struct {
		Path string `json:"path"`
	}) (any, error) {
		content, err := os.ReadFile(in.Path)
		if err != nil {
			return nil, refused(err)
		}
		return string(content), nil
	})
	caxton.Tool("env", "Reads a variable of the environment.", func(in struct {
		Name string `json:"name"`
	}) (any, error) {
		value, ok := os.LookupEnv(in.Name)
		if !ok {
			return nil, refused(errors.New("it is not set"))
		}
		return value, nil
	})
	caxton.Tool("connect", "Connects to an address.", func(in struct {
		Address string `json:"address"`
	}) (any, error) {
		connection, err := net.DialTimeout("tcp", in.Address, time.Second)
		if err != nil {
			return nil, refused(err)
		}
		return "connected", connection.Close()
	})
}

func main() {}
