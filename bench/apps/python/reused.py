from app import Reused as HttpIncoming

__all__ = ["HttpIncoming"]
