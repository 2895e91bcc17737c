class OpenFeatureError(Exception):
    def __init__(self, error_code, error_message=None):
        super().__init__(error_message)
        self.error_code, self.error_message = error_code, error_message


class TypeMismatchError(OpenFeatureError):
    def __init__(self, error_message=None):
        super().__init__("TYPE_MISMATCH", error_message)


class InvalidContextError(OpenFeatureError):
    def __init__(self, error_message):
        super().__init__("INVALID_CONTEXT", error_message)
