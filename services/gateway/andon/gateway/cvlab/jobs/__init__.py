"""Experiments in the queue: for the people who submit them and the workers that run them."""

from fastapi import APIRouter

from andon.gateway.cvlab.jobs import control, history, logs, people, runs, worker

routes = APIRouter()
for module in (people, worker, control, logs, history, runs):
    routes.include_router(module.routes)

UNRECORDED = (*worker.UNRECORDED, *history.UNRECORDED, *runs.UNRECORDED)
"""Routes by their method: reports of workers, which histories tell of, and what changes nothing."""
