package main

import "caxton"

type greeting struct {
	Name string `json:"name" description:"Who is greeted"`
}

func hello(in greeting) (any, error) {
	return "Hello, " + in.Name + "!", nil
}

func init() {
	caxton.Tool("hello", "Greets somebody by name.", hello, caxton.Options{"annotations": map[string]any{"readOnlyHint": true}})
}

func main() {}
