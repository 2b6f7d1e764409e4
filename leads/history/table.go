package history

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// group is how many rows one statement writes.
const group = 40

// table collects rows, and writes them by the group.
type table struct {
	ctx  context.Context
	tx   *sql.Tx
	head string
	cols int
	full *sql.Stmt
	args []any
}

// newTable is a table of which the columns, separated by commas, are written.
func newTable(ctx context.Context, tx *sql.Tx, name, columns string) *table {
	return &table{ctx: ctx, tx: tx, head: "INSERT INTO " + name + " (" + columns + ") VALUES ", cols: strings.Count(columns, ",") + 1}
}

// add takes a row; it is written with others, or by flush.
func (t *table) add(values ...any) error {
	if len(values) != t.cols {
		return fmt.Errorf("%s: %d values", t.head, len(values))
	}
	t.args = append(t.args, values...)
	if len(t.args) < group*t.cols {
		return nil
	}
	if t.full == nil {
		full, err := t.tx.PrepareContext(t.ctx, t.statement(group))
		if err != nil {
			return err
		}
		t.full = full
	}
	_, err := t.full.ExecContext(t.ctx, t.args...)
	t.args = t.args[:0]
	return err
}

// flush writes what is left.
func (t *table) flush() error {
	if len(t.args) == 0 {
		return nil
	}
	_, err := t.tx.ExecContext(t.ctx, t.statement(len(t.args)/t.cols), t.args...)
	t.args = t.args[:0]
	return err
}

func (t *table) statement(rows int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", t.cols), ",") + ")"
	return t.head + strings.TrimSuffix(strings.Repeat(row+",", rows), ",")
}
