"""Files by tenant."""

from __future__ import annotations

import os

from django.core.files.storage import FileSystemStorage

from croft.tenancy import storage_prefix


class TenantFileSystemStorage(FileSystemStorage):
    """Files of the current tenant in a folder of its own under MEDIA_ROOT, by uid. Without a tenant it raises."""

    @property
    def base_location(self) -> str:
        return os.path.join(self._value_or_setting(self._location, _media_root()), storage_prefix())

    @property
    def location(self) -> str:
        return os.path.abspath(self.base_location)

    @property
    def base_url(self) -> str:
        from django.conf import settings

        url: str = self._value_or_setting(self._base_url, settings.MEDIA_URL)
        return url.rstrip("/") + "/" + storage_prefix()


def _media_root() -> str:
    from django.conf import settings

    return str(settings.MEDIA_ROOT)
