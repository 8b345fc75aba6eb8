//go:build wasip1

package caxton

import (
	"runtime/debug"
	"unsafe"
)

// The component ABI of the world caxton:tool/tool-server, by hand: two functions, one record of strings, one variant of strings.

// kept is what the host holds pointers to; it is done with them when it calls again.
var kept []any

// reserved is where the adapter of WASI keeps its stack and its state: the runtime takes all memory that is added for its own, and
// makes its first calls before it can allocate. `caxton build` finds it by its first 32 bytes, and exports a function that hands out
// the 160 KiB behind a counter.
var reserved = [32 + 32 + 160<<10]byte{
	'c', 'a', 'x', 't', 'o', 'n', ':', ' ', 'm', 'e', 'm', 'o', 'r', 'y', ' ', 'f', 'o', 'r', ' ', 't',
	'h', 'e', ' ', 'a', 'd', 'a', 'p', 't', 'e', 'r', '.', '!',
}

// While the host hands arguments over, the component must not call out of itself, and collecting garbage reads the clock: memory
// is collected while a tool runs, and at no other time.
const collects, never = 100, -1

func init() {
	debug.SetGCPercent(never)
	if reserved[0] != 'c' { // The linker leaves out what nobody looks at.
		panic("the memory of the adapter is not there")
	}
}

// text is a string of the canonical ABI: where its bytes are, and how many.
func text(bytes []byte) (at, length uint32) {
	if len(bytes) == 0 {
		return 1, 0
	}
	kept = append(kept, bytes)
	return address(unsafe.Pointer(&bytes[0])), uint32(len(bytes))
}

func address(pointer unsafe.Pointer) uint32 { return uint32(uintptr(pointer)) }

// Under its plain name the adapter of WASI would call it while the runtime is not there yet.
//
//go:wasmexport cabi_export_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	// Words, so that it is aligned for whatever comes.
	words := make([]uint64, size/8+1)
	kept = append(kept, words)
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return unsafe.Pointer(&words[0])
}

//go:wasmexport caxton:tool/tools@0.1.0#list-tools
func listTools() unsafe.Pointer {
	// A tool is nine words: three texts, and an optional one.
	records := make([]uint32, 9*len(tools)+1)
	for i, tool := range tools {
		record := records[9*i:]
		record[0], record[1] = text([]byte(tool.name))
		record[2], record[3] = text([]byte(tool.description))
		record[4], record[5] = text(tool.schema)
		if tool.options != nil {
			record[6] = 1
			record[7], record[8] = text(tool.options)
		}
	}
	list := []uint32{address(unsafe.Pointer(&records[0])), uint32(len(tools))}
	kept = append(kept, records, list)
	return unsafe.Pointer(&list[0])
}

//go:wasmexport caxton:tool/tools@0.1.0#call-tool
func callTool(name unsafe.Pointer, nameLen uint32, arguments unsafe.Pointer, argumentsLen uint32) unsafe.Pointer {
	asked, given := string(unsafe.Slice((*byte)(name), nameLen)), unsafe.Slice((*byte)(arguments), argumentsLen)
	kept = nil
	debug.SetGCPercent(collects)
	answer, kind, failure := call(asked, given)
	debug.SetGCPercent(never)
	outcome := make([]uint32, 4)
	if answer != nil {
		outcome[1], outcome[2] = text(answer)
	} else {
		outcome[0], outcome[1] = 1, kind
		outcome[2], outcome[3] = text([]byte(failure))
	}
	kept = append(kept, outcome)
	return unsafe.Pointer(&outcome[0])
}
