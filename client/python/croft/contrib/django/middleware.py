"""Resolves each request's tenant; for WSGI and ASGI, sync and async views."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse

from croft.contrib.django import conf
from croft.contrib.wsgi import _Headers
from croft.errors import CroftError
from croft.placement import Placement
from croft.tenancy import Request, status_of, tenant, without_tenant
from croft.tenancy._context import enter, leave

log = logging.getLogger("croft")


class TenantMiddleware:
    """Put it first. ``request.tenant`` is the placement, or None for a public path."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._tenancy = conf.web_tenancy()
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            # By this Django knows an async middleware.
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self._is_async:
            return self._call_async(request)
        if self._tenancy.is_public(request.path_info):
            request.tenant = None
            with without_tenant():
                return self._get_response(request)
        try:
            placement = self._tenancy.locate(self._name(request))
        except CroftError as error:
            return self._refuse(error)
        request.tenant = placement
        before = enter(placement)
        try:
            return self._streaming(placement, self._get_response(request))
        finally:
            leave(before)

    async def _call_async(self, request: HttpRequest) -> Any:
        if self._tenancy.is_public(request.path_info):
            request.tenant = None
            with without_tenant():
                return await self._get_response(request)
        try:
            name = self._name(request)
            placement = self._tenancy.cached_async(name) or await self._tenancy.locate_async(name)
        except CroftError as error:
            return self._refuse(error)
        request.tenant = placement
        before = enter(placement)
        try:
            return self._streaming(placement, await self._get_response(request))
        finally:
            leave(before)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if status_of(error) is None:
            return None
        log.warning("a request of tenant %s failed: %s", request.tenant and request.tenant.tenant, error)
        return self._refuse(error)

    def _name(self, request: HttpRequest) -> str:
        test_tenant: str | None = request.META.get("croft.test_tenant")
        if test_tenant:  # no client can set it: headers have names of other kinds
            return test_tenant
        resolved = self._tenancy.resolve(
            Request(
                host=request.META.get("HTTP_HOST", ""),
                path=request.path_info,
                headers=_Headers(request.META),
                peer=request.META.get("REMOTE_ADDR") or "",
                raw=request,
            )
        )
        if resolved.prefix:
            request.path_info = request.path_info[len(resolved.prefix) :] or "/"
            request.META["SCRIPT_NAME"] = request.META.get("SCRIPT_NAME", "") + resolved.prefix
        return resolved.name

    def _refuse(self, error: Exception) -> HttpResponse:
        refusal = self._tenancy.refusal(error)
        response = HttpResponse(refusal.text, status=refusal.status, content_type=refusal.content_type)
        for name, value in refusal.headers.items():
            response[name] = value
        return response

    @staticmethod
    def _streaming(placement: Placement, response: Any) -> Any:
        if response.streaming:
            content = response.streaming_content
            within = _within_async if hasattr(content, "__aiter__") else _within
            response.streaming_content = within(placement, content)
        return response


def _within(placement: Placement, content: Any) -> Iterator[bytes]:
    parts = iter(content)
    while True:
        with tenant(placement):
            try:
                part = next(parts)
            except StopIteration:
                return
        yield part


async def _within_async(placement: Placement, content: Any) -> AsyncIterator[bytes]:
    parts = content.__aiter__()
    while True:
        with tenant(placement):
            try:
                part = await parts.__anext__()
            except StopAsyncIteration:
                return
        yield part
