// Verifies Placard's transparency log with the packages that Go verifies its own checksum database
// with: the checkpoint's signature, a proof for entries, and that the log continues an older checkpoint.
//
//	go run . URL KEY_FILE CHECKPOINT_FILE [OLDER_CHECKPOINT_FILE]
//
// KEY_FILE holds the verifier key that is trusted. The newest checkpoint is fetched, verified, and
// written to CHECKPOINT_FILE. TOKEN is sent as bearer token where it is set.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

type log struct{ url string }

func main() {
	if len(os.Args) < 4 {
		fail("usage: URL KEY_FILE CHECKPOINT_FILE [OLDER_CHECKPOINT_FILE]")
	}
	l := log{strings.TrimSuffix(os.Args[1], "/") + "/v1/audit/"}
	key, err := os.ReadFile(os.Args[2])
	check(err)
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	check(err)
	verifiers := note.VerifierList(verifier)

	fetched := l.get("checkpoint")
	tree := open(fetched, verifiers)
	check(os.WriteFile(os.Args[3], fetched, 0o644))
	hashes := tlog.TileHashReader(tree, l)

	for _, index := range []int64{0, tree.N / 2, tree.N - 1} {
		proof, err := tlog.ProveRecord(tree.N, index, hashes)
		check(err)
		check(tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(l.entry(tree.N, index))))
		fmt.Printf("entry %d is in the tree of %d\n", index, tree.N)
	}
	if len(os.Args) > 4 {
		kept, err := os.ReadFile(os.Args[4])
		check(err)
		older := open(kept, verifiers)
		proof, err := tlog.ProveTree(tree.N, older.N, hashes)
		check(err)
		check(tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash))
		fmt.Printf("the tree of %d continues the tree of %d\n", tree.N, older.N)
	}
}

// open verifies a signed checkpoint and reads it.
func open(signed []byte, verifiers note.Verifiers) tlog.Tree {
	opened, err := note.Open(signed, verifiers)
	check(err)
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 {
		fail("no checkpoint: " + opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	check(err)
	tree := tlog.Tree{N: size}
	if copy(tree.Hash[:], root) != tlog.HashSize {
		fail("no root: " + lines[2])
	}
	return tree
}

// entry reads one entry out of its bundle: each stands after its length in two bytes.
func (l log) entry(size, index int64) []byte {
	first := index &^ 255
	path := tilePath(tlog.Tile{H: tileHeight, L: 0, N: index >> 8, W: int(min64(256, size-first))})
	bundle := l.get("tile/entries/" + strings.TrimPrefix(path, "0/"))
	for ; first < index; first++ {
		bundle = bundle[2+binary.BigEndian.Uint16(bundle):]
	}
	return bundle[2 : 2+binary.BigEndian.Uint16(bundle)]
}

// tilePath is the path of C2SP tlog-tiles, which does not name the height.
func tilePath(tile tlog.Tile) string {
	return strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tile.H))
}

func (l log) Height() int { return tileHeight }

func (l log) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		data[i] = l.get("tile/" + tilePath(tile))
	}
	return data, nil
}

func (l log) SaveTiles([]tlog.Tile, [][]byte) {}

func (l log) get(path string) []byte {
	request, err := http.NewRequest("GET", l.url+path, nil)
	check(err)
	if token := os.Getenv("TOKEN"); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	check(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	check(err)
	if response.StatusCode != http.StatusOK {
		fail(fmt.Sprintf("%s: %s", path, response.Status))
	}
	return body
}

func min64(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

func check(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}
