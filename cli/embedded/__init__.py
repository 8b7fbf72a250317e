"""The servers a gateway needs, from wheels, for a machine that has neither: a real Redis and a real S3 store.

They listen on loopback only, on free ports, with random credentials kept in the data folder, and do not outlive us.
"""

from cli.embedded.objects import Objects
from cli.embedded.redis import Redis
from cli.embedded.service import FolderInUse, NotInstalled, ServiceError, StartFailed

__all__ = ["FolderInUse", "NotInstalled", "Objects", "Redis", "ServiceError", "StartFailed"]
