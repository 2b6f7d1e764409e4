package cdr

import (
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// logFile is a file that is written at its end, or one that it was rotated to,
// open for reading.
type logFile struct {
	path string
	file *os.File
	info fs.FileInfo // when it was opened
	shut error       // why it cannot be opened, where others can; nil: it is open
}

func (f *logFile) zipped() bool { return strings.HasSuffix(f.path, ".gz") }

// rotated is what is added to the name of a file that was rotated, by logrotate
// (".1", ".2.gz", "-20261122", "-20261122.gz", with its other forms of a date) or
// by Asterisk (".0", ".1795328308").
var rotated = regexp.MustCompile(`^[._-][0-9][0-9._-]*(\.gz)?$`)

// packed are the endings of files that are compressed as nobody here reads.
var packed = regexp.MustCompile(`\.(xz|bz2|zst|Z|lz4)$`)

// openLog opens path and what it was rotated to as far as that was written at
// since or later, oldest first. That the file is not there, in a folder that is,
// is no error: nothing has been written yet.
func openLog(path string, since time.Time) (files []logFile, err error) {
	defer func() {
		if err != nil {
			closeLog(files)
			files = nil
		}
	}()
	// The file itself comes first: what copytruncate takes out of it afterwards has
	// been copied before, and is missed here, for it became smaller.
	if files, err = addLog(files, path, time.Time{}); err != nil {
		return files, err
	}
	names, err := siblings(path)
	if err != nil {
		return files, err
	}
	for _, name := range names {
		more, shut := addLog(files, name, since)
		if shut != nil {
			info, err := os.Stat(name)
			if err != nil {
				return files, shut
			}
			more = append(files, logFile{path: name, info: info, shut: shut})
		}
		files = more
	}
	slices.SortStableFunc(files, func(a, b logFile) int {
		return cmp.Or(a.info.ModTime().Compare(b.info.ModTime()), cmp.Compare(len(b.path), len(a.path)))
	})
	return files, nil
}

// siblings are the files that path was rotated to.
func siblings(path string) (names []string, err error) {
	folder, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(folder))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the folder %s is not there: make it, with Asterisk's user as its owner, or name another", filepath.Clean(folder))
	case err != nil:
		return nil, fmt.Errorf("the folder may not be read, in which rotated files lie: %w", err)
	}
	end := filepath.Ext(base)
	for _, e := range entries {
		name := e.Name()
		added, ok := strings.CutPrefix(name, base)
		if !ok && end != "" { // logrotate's "extension"
			added, ok = strings.CutPrefix(name, strings.TrimSuffix(base, end))
			added = strings.Replace(added, end, "", 1)
		}
		if ok && rotated.MatchString(packed.ReplaceAllString(added, "")) {
			names = append(names, filepath.Join(folder, name))
		}
	}
	return names, nil
}

// addLog opens one more file, unless it is one of those already, has gone, or
// was last written before since.
func addLog(files []logFile, path string, since time.Time) ([]logFile, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return files, nil
	case err != nil:
		return files, err
	case !info.Mode().IsRegular(): // to open a pipe would wait for who writes it
		return files, fmt.Errorf("%s is no file", path)
	case info.ModTime().Before(since):
		return files, nil
	case packed.MatchString(path):
		return files, fmt.Errorf("%s is compressed in a way that is not read here: have logrotate use gzip, and gunzip or remove this one", path)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return files, nil
	}
	if err != nil {
		return files, err
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return files, err
	}
	if slices.ContainsFunc(files, func(other logFile) bool { return os.SameFile(other.info, info) }) {
		f.Close()
		return files, nil
	}
	return append(files, logFile{path: path, file: f, info: info}), nil
}

func closeLog(files []logFile) {
	for _, f := range files {
		if f.shut == nil {
			f.file.Close()
		}
	}
}

// sameLog says whether a log still consists of the files that were read, none of
// them shorter than it was.
func sameLog(files []logFile, path string, since time.Time) (bool, error) {
	now, err := openLog(path, since)
	if err != nil {
		return false, err
	}
	defer closeLog(now)
	for _, f := range files {
		if !slices.ContainsFunc(now, func(n logFile) bool {
			return n.path == f.path && os.SameFile(n.info, f.info) && n.info.Size() >= f.info.Size()
		}) {
			return false, nil
		}
	}
	return len(now) == len(files), nil
}

// rotations is how often a log may be rotated while it is being read.
const rotations = 5

// readLog gives the files of a log to read, again as long as they were rotated
// meanwhile.
func readLog(ctx context.Context, path string, since time.Time, read func([]logFile) error) error {
	for range rotations {
		files, err := openLog(path, since)
		if err != nil {
			return err
		}
		err = read(files)
		same := false
		if err == nil {
			same, err = sameLog(files, path, since)
		}
		closeLog(files)
		if same || err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s was rotated %d times while it was being read", path, rotations)
}

// The sizes of the blocks in which a file is read: a small one first, since most
// often that is enough.
const (
	firstBlock = 64 << 10
	nextBlock  = 1 << 20
)

// backward gives the text of a file up to end in blocks, the last first. Take says how much
// of the beginning of its block is to come again, before which the next stands,
// and whether to go on.
func (f *logFile) backward(ctx context.Context, end int64, take func(text []byte, head, tail edge) (again int, more bool)) error {
	var text []byte
	tail := growing
	if end < f.info.Size() {
		tail = cut
	}
	for size := int64(firstBlock); end > 0; size = nextBlock {
		if err := ctx.Err(); err != nil {
			return err
		}
		from := max(0, end-size)
		block := make([]byte, int(end-from)+len(text))
		n, err := f.file.ReadAt(block[:end-from], from)
		if err != nil && err != io.EOF {
			return err
		}
		if int64(n) < end-from { // it was cut meanwhile: it will be read again
			return nil
		}
		copy(block[n:], text)
		head := cut
		if from == 0 {
			head = border
		}
		again, more := take(block, head, tail)
		if !more {
			return nil
		}
		if again < len(block) {
			tail = border
		}
		text, end = block[:again], from
	}
	return nil
}

// forward does the same from the beginning, for files that are compressed: from
// says where the text begins that is to come again.
func (f *logFile) forward(ctx context.Context, take func(text []byte, head, tail edge) (from int, more bool)) error {
	if _, err := f.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	unzipped, err := gzip.NewReader(f.file)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil // gzip has just begun it
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	var text []byte
	size := firstBlock
	for tail := cut; tail == cut; size = nextBlock {
		if err := ctx.Err(); err != nil {
			return err
		}
		block := make([]byte, len(text)+size)
		copy(block, text)
		n, err := io.ReadFull(unzipped, block[len(text):])
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // also where gzip is still writing it: then the original is there too
			tail = growing
		case err != nil:
			return fmt.Errorf("%s: %w", f.path, err)
		}
		block = block[:len(text)+n]
		from, more := take(block, border, tail)
		if !more {
			return nil
		}
		text = block[from:]
	}
	return nil
}
