// How the database is set up; decision 0003 has the reasons and what was measured. Internal to the room.
#pragma once

#include <memory>

#include <rocksdb/env.h>
#include <rocksdb/options.h>

#include "store/batch.hpp"
#include "store/rocks/rocks_store.hpp"

namespace madang {

// Must outlive the database: its file system gives logs their size in advance.
std::unique_ptr<rocksdb::Env> make_environment();

rocksdb::DBOptions database_options(const RocksOptions& options, rocksdb::Env& environment);

// `cache` is shared by all tables.
rocksdb::ColumnFamilyOptions table_options(Table table, const RocksOptions& options, const std::shared_ptr<rocksdb::Cache>& cache);

// RocksDB insists on a family called "default": it is the meta table.
std::string family_of(Table table);

}  // namespace madang
