#pragma once
// The built-in kinds in short form; builtin_schemas.cpp makes OpenAPI definitions of them. Not for others.
//
//   = PACKAGE NAME [kind] | description     starts a definition; `kind` adds apiVersion, kind, metadata and a NAMEList
//   FIELD[!] TYPE [OPTION...] | description  a field; ! is required
// TYPE: string bool int32 int64 number time microtime bytes quantity intorstring any, NAME or PACKAGE.NAME of a
// definition, []TYPE, map[]TYPE.  OPTION: set | atomic | keys=a,b (list type), merge | mergekey=x (patch strategy),
// enum=a,b, atomicmap, default=x.

#include <string_view>

namespace datamesh::apiserver {

extern const std::string_view builtin_text_meta;
extern const std::string_view builtin_text_core;
extern const std::string_view builtin_text_access;
extern const std::string_view builtin_text_extensions;

}  // namespace datamesh::apiserver
