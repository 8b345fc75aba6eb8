// Package caxton makes a tool server of Go functions. See README.md.
//
//	func init() {
//		caxton.Tool("hello", "Greets somebody by name.", func(in struct {
//			Name string `json:"name" description:"Who is greeted"`
//		}) (any, error) {
//			return "Hello, " + in.Name + "!", nil
//		})
//	}
//
//	func main() {}
package caxton

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Answer is a text for a model and an object that says the same to a program.
type Answer struct {
	Text string
	Data any
}

// Options are a JSON object with what else MCP knows of a tool: annotations, outputSchema, title.
type Options map[string]any

// invalid is what Invalid makes.
type invalid struct{ text string }

func (e invalid) Error() string { return e.text }

// Invalid is the error of a tool whose arguments do not fit; its text tells a model how to correct them.
func Invalid(format string, args ...any) error { return invalid{fmt.Sprintf(format, args...)} }

type tool struct {
	name, description string
	schema, options   []byte
	run               func(arguments []byte) (any, error)
}

var tools []tool

// Tool offers a function as a tool. Its schema is that of In, a struct with json and description tags: a field whose tag says
// omitempty, or that is a pointer, may be missing; an enum tag lists the values that there are, separated by commas. The function
// returns a text, an Answer, or anything that is a JSON object or list.
func Tool[In any](name, description string, run func(In) (any, error), options ...Options) {
	kind := reflect.TypeFor[In]()
	added := tool{name: name, description: description, schema: encode(schemaOf(kind))}
	if len(options) > 0 {
		added.options = encode(options[0])
	}
	required := requiredOf(kind)
	added.run = func(arguments []byte) (any, error) {
		var given map[string]json.RawMessage
		if err := json.Unmarshal(arguments, &given); err != nil {
			return nil, Invalid("the arguments are no JSON object: %v", err)
		}
		for _, name := range required {
			if _, ok := given[name]; !ok {
				return nil, Invalid("`%s` is missing", name)
			}
		}
		var in In
		decoder := json.NewDecoder(bytes.NewReader(arguments))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil {
			return nil, Invalid("%s", strings.TrimPrefix(err.Error(), "json: "))
		}
		return run(in)
	}
	tools = append(tools, added)
}

// call runs a tool: the JSON text of an MCP CallToolResult, or the case of tool-error and its text.
func call(name string, arguments []byte) (answer []byte, kind uint32, failure string) {
	for _, tool := range tools {
		if tool.name != name {
			continue
		}
		result, err := tool.run(arguments)
		var wrong invalid
		switch {
		case errors.As(err, &wrong):
			return nil, 1, wrong.text
		case err != nil:
			return nil, 2, err.Error()
		}
		return encode(asResult(result)), 0, ""
	}
	return nil, 0, fmt.Sprintf("there is no tool `%s`", name)
}

func asResult(result any) map[string]any {
	answer, ok := result.(Answer)
	if text, isText := result.(string); isText {
		answer, ok = Answer{Text: text}, true
	}
	if !ok {
		answer = Answer{Text: string(encode(result)), Data: result}
	}
	out := map[string]any{"content": []any{map[string]any{"type": "text", "text": answer.Text}}, "isError": false}
	if answer.Data != nil {
		out["structuredContent"] = answer.Data
		if data := encode(answer.Data); len(data) > 0 && data[0] != '{' {
			out["structuredContent"] = map[string]any{"items": answer.Data}
		}
	}
	return out
}

// encode is JSON without the escapes that only HTML needs.
func encode(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

func fieldName(field reflect.StructField) (name string, optional bool) {
	name, rest, _ := strings.Cut(field.Tag.Get("json"), ",")
	if name == "" {
		name = field.Name
	}
	return name, strings.Contains(rest, "omit") || field.Type.Kind() == reflect.Pointer
}

func requiredOf(kind reflect.Type) []string {
	required := []string{}
	for i := range kind.NumField() {
		if name, optional := fieldName(kind.Field(i)); name != "-" && !optional {
			required = append(required, name)
		}
	}
	return required
}

func schemaOf(kind reflect.Type) map[string]any {
	switch kind.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return map[string]any{"type": "integer", "minimum": 0}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Pointer:
		return schemaOf(kind.Elem())
	case reflect.Slice, reflect.Array:
		return map[string]any{"type": "array", "items": schemaOf(kind.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(kind.Elem())}
	case reflect.Struct:
		return structSchema(kind)
	}
	return map[string]any{}
}

func structSchema(kind reflect.Type) map[string]any {
	properties := map[string]any{}
	for i := range kind.NumField() {
		field := kind.Field(i)
		name, _ := fieldName(field)
		if name == "-" {
			continue
		}
		schema := schemaOf(field.Type)
		if text := field.Tag.Get("description"); text != "" {
			schema["description"] = text
		}
		if values := field.Tag.Get("enum"); values != "" {
			schema["enum"] = strings.Split(values, ",")
		}
		properties[name] = schema
	}
	return map[string]any{"type": "object", "properties": properties, "required": requiredOf(kind), "additionalProperties": false}
}
