// Reads requests with the Collector's pdata and writes them again: JSON in, protobuf out, or the other way.
//
// In: what it is ('j' or 'p'), signal (0 to 3), length (4 bytes, big-endian), bytes. Out: 0 and what was asked
// for, or 1 and why not, with its length.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func main() {
	if err := serve(bufio.NewReaderSize(os.Stdin, 1<<16), bufio.NewWriterSize(os.Stdout, 1<<16)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(in *bufio.Reader, out *bufio.Writer) error {
	for {
		var head [6]byte
		if _, err := io.ReadFull(in, head[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		request := make([]byte, binary.BigEndian.Uint32(head[2:]))
		if _, err := io.ReadFull(in, request); err != nil {
			return err
		}
		answer, err := convert(head[0], head[1], request)
		status := byte(0)
		if err != nil {
			status, answer = 1, []byte(err.Error())
		}
		out.WriteByte(status)
		out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(answer))))
		out.Write(answer)
		if err := out.Flush(); err != nil {
			return err
		}
	}
}

// The types are those of pdata's marshalers and unmarshalers, which have no generic form of their own.
func convert(form, signal byte, request []byte) ([]byte, error) {
	switch signal {
	case 0:
		var text = &ptrace.JSONMarshaler{}
		var wire = &ptrace.ProtoMarshaler{}
		if form == 'j' {
			return through((&ptrace.JSONUnmarshaler{}).UnmarshalTraces, wire.MarshalTraces, request)
		}
		return through((&ptrace.ProtoUnmarshaler{}).UnmarshalTraces, text.MarshalTraces, request)
	case 1:
		var text = &pmetric.JSONMarshaler{}
		var wire = &pmetric.ProtoMarshaler{}
		if form == 'j' {
			return through((&pmetric.JSONUnmarshaler{}).UnmarshalMetrics, wire.MarshalMetrics, request)
		}
		return through((&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics, text.MarshalMetrics, request)
	case 2:
		var text = &plog.JSONMarshaler{}
		var wire = &plog.ProtoMarshaler{}
		if form == 'j' {
			return through((&plog.JSONUnmarshaler{}).UnmarshalLogs, wire.MarshalLogs, request)
		}
		return through((&plog.ProtoUnmarshaler{}).UnmarshalLogs, text.MarshalLogs, request)
	default:
		var text = &pprofile.JSONMarshaler{}
		var wire = &pprofile.ProtoMarshaler{}
		if form == 'j' {
			return through((&pprofile.JSONUnmarshaler{}).UnmarshalProfiles, wire.MarshalProfiles, request)
		}
		return through((&pprofile.ProtoUnmarshaler{}).UnmarshalProfiles, text.MarshalProfiles, request)
	}
}

func through[T any](read func([]byte) (T, error), write func(T) ([]byte, error), request []byte) ([]byte, error) {
	data, err := read(request)
	if err != nil {
		return nil, err
	}
	return write(data)
}
