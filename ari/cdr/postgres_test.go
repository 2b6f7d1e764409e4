package cdr

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/pbx/database"
)

// The tables that cdr_pgsql and cel_pgsql are usually given, with times that have
// a zone and with such that have none, by the port and by the socket.
func TestPostgres(t *testing.T) {
	root, err := database.InstallPostgres(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	p, err := database.StartPostgres(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	c := SQL{Engine: Postgres, Address: p.Address, Database: p.Name, Username: p.User, Records: "cdr", Events: "pbx.cel", Password: ari.NewSecret(p.Password)}
	admin, err := openPostgres(c, p.Password)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	do := func(statement string, args ...any) {
		t.Helper()
		if _, err := admin.Exec(statement, args...); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	do("CREATE SCHEMA pbx")
	do(`CREATE ROLE reader LOGIN PASSWORD '` + strings.ReplaceAll(secret, "'", "''") + `'`)
	kathmandu := time.FixedZone("", 5*3600+45*60)
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, kind := range []string{"timestamp with time zone", "timestamp without time zone", "varchar(30)"} {
		t.Run(kind, func(t *testing.T) {
			do("DROP TABLE IF EXISTS cdr")
			do("DROP TABLE IF EXISTS pbx.cel")
			do("CREATE TABLE cdr (calldate " + kind + " NOT NULL, clid varchar(80), src varchar(80), dst varchar(80), dcontext varchar(80), channel varchar(80), dstchannel varchar(80)," +
				" lastapp varchar(80), lastdata varchar(80), duration bigint, billsec bigint, disposition varchar(45), amaflags bigint, accountcode varchar(20), uniqueid varchar(150), linkedid varchar(150), userfield varchar(255), did varchar(80), sequence bigint, \"End\" varchar(30))")
			do("CREATE TABLE pbx.cel (id serial, eventtype varchar(30) NOT NULL, eventtime " + kind + " NOT NULL, userdeftype varchar(255), cid_name varchar(80), cid_num varchar(80), uniqueid varchar(150), linkedid varchar(150), channame varchar(80), eventextra text)")
			do("GRANT USAGE ON SCHEMA pbx TO reader")
			do("GRANT SELECT ON cdr, pbx.cel TO reader")
			var want []Record
			for i := range 30 {
				r := callAt(start.Add(time.Duration(i)*10*time.Minute), int64(i))
				if i%2 == 0 {
					r = answered(r, 3*time.Second)
				}
				r.CallerID = `"'; DROP TABLE cdr; -- Ω🙂" <1>`
				want = append(want, r)
				wall := r.Start.In(kathmandu).Format(time.DateTime)
				do("INSERT INTO cdr VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 3, NULL, $13, $13, NULL, $14, $15, $16)", wall, r.CallerID, r.Source, r.Dialed, r.Context, r.Channel, r.Peer,
					r.App, r.AppData, int(r.Duration.Seconds()), int(r.Billed.Seconds()), string(r.Disposition), r.UniqueID, r.DID, r.Sequence, r.End.In(kathmandu).Format(time.DateTime))
				do("INSERT INTO pbx.cel (eventtype, eventtime, uniqueid, linkedid, eventextra) VALUES ('CHAN_START', $1, $2, $2, '{}')", wall, r.UniqueID)
			}
			for _, address := range []string{p.Address, p.Socket} {
				c := c
				c.Address, c.Username, c.Password = address, "reader", ari.NewSecret(secret)
				src := source(t, c)
				log, err := src.Read(t.Context(), start, time.Time{}, nil)
				if err != nil || log.Coarser != nil || log.Unreadable != 0 {
					t.Fatal(err, log.Coarser, log.Unreadable)
				}
				compare(t, log.Records, want)
				if len(log.Events) != len(want) || !log.Events[7].At.Equal(want[7].Start) {
					t.Errorf("%d events", len(log.Events))
				}
				log, err = src.Read(t.Context(), start.Add(5*time.Hour-10*time.Minute), time.Time{}, []string{want[3].LinkedID})
				if err != nil || log.Coarser != nil || fmt.Sprint(ids(log.Records)) != fmt.Sprint([]string{want[3].UniqueID, want[29].UniqueID}) || len(log.Events) != 2 {
					t.Errorf("named: %q, %d events, %v, %v", ids(log.Records), len(log.Events), err, log.Coarser)
				}
			}
		})
	}
	c.Password = ari.NewSecret("hunter2")
	if _, err := source(t, c).Read(t.Context(), start, time.Time{}, nil); err == nil || !strings.Contains(err.Error(), "password authentication failed") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("with another password: %v", err)
	}
}
