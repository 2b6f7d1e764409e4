package main

type demoCommand struct{}

func (demoCommand) Run(w *world) error { return nil }
