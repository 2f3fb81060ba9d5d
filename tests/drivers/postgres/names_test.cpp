#include "drivers/postgres/names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drivers/postgres/connection.hpp"
#include "drivers/postgres/credentials.hpp"
#include "drivers/postgres/types.hpp"

namespace datamesh::postgres {
namespace {

mesh::PortKey port(std::string domain, std::string name, int major = 1) {
  return {std::move(domain), "p", std::move(name), major};
}

TEST(Names, AreReadable) {
  EXPECT_EQ(names::domain("sales"), "d_sales");
  EXPECT_EQ(names::member("sales", "ana"), "m_sales__ana");
  EXPECT_EQ(names::product("sales", "orders"), "p_sales__orders");
  EXPECT_EQ(names::schema(port("sales", "orders")), "sales__orders_v1");
  EXPECT_EQ(names::group(port("sales", "orders", 2), "reader"), "op_sales__orders_v2__reader");
  EXPECT_EQ(names::subscription({"Subscription", "marketing", "churn"}), "s_marketing__churn");
  EXPECT_THAT(names::subscription({"Subscription", "marketing", "churn-reads"}),
              ::testing::MatchesRegex("s_marketing__churn_reads__[0-9a-f]{8}"));
}

TEST(Names, FitAndStayInTheirAlphabetWhateverComes) {
  for (const std::string& part :
       {std::string(), std::string(300, 'a'), std::string("\"; DROP ROLE x; --"), std::string("\0\0", 2),
        std::string("pg_x"), std::string("pg"), std::string("Gr\xc3\xb6\xc3\x9f"), std::string("\xff\xfe"),
        std::string("select"), std::string("_"), std::string("a__b"), std::string("..")}) {
    for (const std::string& name : {names::domain(part), names::member(part, part), names::product("sales", part),
                                    names::schema(port(part, "x")), names::schema(port("x", part)),
                                    names::group(port(part, part), part), names::subscription({"", part, part})}) {
      EXPECT_LE(name.size(), 63U) << name;
      EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string::npos) << name;
      EXPECT_FALSE(name.starts_with("pg_")) << name;
      EXPECT_FALSE(name.empty());
    }
  }
}

TEST(Names, OfDifferentThingsAreDifferent) {
  const std::vector<std::pair<std::string, std::string>> pairs = {{"a", "b__c"},
                                                                  {"a__b", "c"},
                                                                  {"a_", "b__c"},
                                                                  {"a", "_b__c"},
                                                                  {"a-b", "c"},
                                                                  {"a_b", "c"},
                                                                  {"a.b", "c"},
                                                                  {"A_b", "c"},
                                                                  {"a b", "c"},
                                                                  {"ab", "c"},
                                                                  {"a", "bc"},
                                                                  {"a", "b_c"},
                                                                  {"a", "b-c"},
                                                                  {"a", "b.c"},
                                                                  {"", "abc"},
                                                                  {"abc", ""},
                                                                  {std::string(80, 'x'), "c"},
                                                                  {std::string(81, 'x'), "c"},
                                                                  {"a", "1234abcd"},
                                                                  {"pg", "c"},
                                                                  {"dm_pg", "c"}};
  std::map<std::string, std::pair<std::string, std::string>> seen;
  for (const auto& pair : pairs) {
    for (const auto& name : {names::product(pair.first, pair.second), names::member(pair.first, pair.second),
                             names::schema(port(pair.first, pair.second))}) {
      const auto [at, first] = seen.emplace(name, pair);
      EXPECT_TRUE(first) << name << " of " << pair.first << "," << pair.second << " and " << at->second.first << ","
                         << at->second.second;
    }
  }
  // A name that looks like what another is hashed to is hashed itself.
  const std::string hashed = names::subscription({"Subscription", "m", "x-y"});
  const auto cut = hashed.substr(2);
  EXPECT_NE(names::subscription({"Subscription", cut.substr(0, cut.rfind("__")), cut.substr(cut.rfind("__") + 2)}),
            hashed);
}

TEST(Names, OfTablesAndColumnsAreKeptWhenPossible) {
  for (const std::string& name : {std::string("orders"), std::string("Order Lines"),
                                  std::string("gr\xc3\xb6\xc3\x9f"
                                              "e"),
                                  std::string("a\"b"), std::string(63, 'x')}) {
    EXPECT_EQ(names::column(name), name);
  }
  for (const std::string& name :
       {std::string(64, 'x'), std::string(), std::string("a\nb"), std::string("a\0b", 3), std::string("\xc3"),
        std::string("\xed\xa0\x80"), std::string("\xc0\xaf"), std::string("\xc2\x85"), std::string("x__0123abcd")}) {
    EXPECT_NE(names::column(name), name);
    EXPECT_LE(names::column(name).size(), 63U);
  }
  EXPECT_LE(names::unique_constraint(std::string(63, 't'), std::string(63, 'c')).size(), 63U);
  EXPECT_NE(names::unique_constraint("a_b", "c"), names::unique_constraint("a", "b_c") + "x");
}

TEST(Quoting, LeavesNothingOfTheTextOutside) {
  EXPECT_EQ(quote_identifier("x\"; DROP ROLE y; --"), "\"x\"\"; DROP ROLE y; --\"");
  EXPECT_EQ(quote_identifier(std::string("a\0b", 3)),
            "\"a\xef\xbf\xbd"
            "b\"");
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal("a\\'b"), "E'a\\\\''b'");
  EXPECT_EQ(quote_literal(std::string("a\0b", 3)),
            "'a\xef\xbf\xbd"
            "b'");
  EXPECT_EQ(quote_qualified("a.b", "c"), "\"a.b\".\"c\"");
}

TEST(Ids, CanBeTakenApart) {
  const std::string odd = "odd \"name\".x to y";
  const auto names_in = [](const ResourceId& id) {
    Named named;
    add_names(id, named);
    return named;
  };
  EXPECT_THAT(names_in(membership_id(odd, "b")).roles, ::testing::ElementsAre("b", odd));
  EXPECT_THAT(names_in(table_id(odd, "t")).schemas, ::testing::ElementsAre(odd));
  EXPECT_THAT(names_in({"grant", "table a.b to PUBLIC"}).schemas, ::testing::ElementsAre("a"));
  EXPECT_THAT(names_in({"default", "tables in a by b to g"}).schemas, ::testing::ElementsAre("a"));
  EXPECT_THAT(names_in({"default", "tables by b to g"}).roles, ::testing::ElementsAre("b"));
  EXPECT_EQ(id_part("PUBLIC"), "\"PUBLIC\"");  // a role may be called so
}

struct TypeCase {
  const char *text, *canonical;  // nullptr: refused
};

TEST(Types, AreParsedNeverPassedOn) {
  for (const TypeCase& it :
       std::initializer_list<TypeCase>{{"text", "text"},
                                       {"  VARCHAR ( 20 ) ", "character varying(20)"},
                                       {"char", "character(1)"},
                                       {"int8", "bigint"},
                                       {"decimal(10,2)", "numeric(10,2)"},
                                       {"numeric(10)", "numeric(10,0)"},
                                       {"timestamp(3) with time zone", "timestamp(3) with time zone"},
                                       {"timestamptz", "timestamp with time zone"},
                                       {"double precision", "double precision"},
                                       {"text[]", "text[]"},
                                       {"int array", "integer[]"},
                                       {"varchar(5)[3][4]", "character varying(5)[]"},
                                       {"", nullptr},
                                       {"int); DROP TABLE x; --", nullptr},
                                       {"text; DROP TABLE x", nullptr},
                                       {"text DEFAULT 1", nullptr},
                                       {"text COLLATE \"C\"", nullptr},
                                       {"varchar(0)", nullptr},
                                       {"varchar(99999999999999999999)", nullptr},
                                       {"varchar(5,5)", nullptr},
                                       {"varchar(-1)", nullptr},
                                       {"numeric(2,3)", nullptr},
                                       {"numeric(1001)", nullptr},
                                       {"timestamp(7)", nullptr},
                                       {"uuid(3)", nullptr},
                                       {"serial", nullptr},
                                       {"public.mytype", nullptr},
                                       {"\"text\"", nullptr},
                                       {"text[", nullptr},
                                       {"text]", nullptr},
                                       {"text\0x", "text"},
                                       {"array", nullptr},
                                       {"regclass", nullptr}}) {
    const auto parsed = parse_type(it.text);
    if (it.canonical) {
      ASSERT_TRUE(parsed) << it.text << ": " << parsed.error().message;
      EXPECT_EQ(*parsed, it.canonical) << it.text;
    } else {
      EXPECT_FALSE(parsed) << it.text << " -> " << *parsed;
    }
  }
}

TEST(Types, AreWidenedOnlyWithoutLoss) {
  EXPECT_TRUE(is_widening("character varying(10)", "character varying(20)"));
  EXPECT_TRUE(is_widening("character varying(10)", "text"));
  EXPECT_TRUE(is_widening("integer", "bigint"));
  EXPECT_TRUE(is_widening("numeric(10,2)", "numeric(12,2)"));
  EXPECT_TRUE(is_widening("numeric(10,2)", "numeric"));
  EXPECT_FALSE(is_widening("character varying(20)", "character varying(10)"));
  EXPECT_FALSE(is_widening("character varying", "character varying(10)"));
  EXPECT_FALSE(is_widening("numeric(10,2)", "numeric(10,3)"));
  EXPECT_FALSE(is_widening("numeric", "numeric(10,3)"));
  EXPECT_FALSE(is_widening("bigint", "integer"));
  EXPECT_FALSE(is_widening("text", "integer"));
  EXPECT_FALSE(is_widening("bigint", "double precision"));
  EXPECT_FALSE(is_widening("integer[]", "bigint[]"));
}

TEST(Endpoints, AreParsed) {
  const auto plain = parse_endpoint("postgres://db.example:5433/mesh");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host + " " + plain->port + " " + plain->database, "db.example 5433 mesh");
  const auto socket = parse_endpoint("postgresql:///mesh?host=%2Frun%2Fpg&port=1&sslmode=require");
  ASSERT_TRUE(socket) << socket.error().message;
  EXPECT_EQ(socket->host + " " + socket->port + " " + socket->sslmode, "/run/pg 1 require");
  const auto six = parse_endpoint("postgres://[::1]:5432/m%20x");
  ASSERT_TRUE(six);
  EXPECT_EQ(six->host + " " + six->database, "::1 m x");
  for (const char* bad : {"", "db:5432", "mysql://x/y", "postgres://u:p@h/d", "postgres://h:port/d",
                          "postgres://h/d?options=-c", "postgres://[::1/d", "postgres://h/d?sslmode=maybe"}) {
    const auto parsed = parse_endpoint(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().message.find("u:p"), std::string::npos);
  }
}

TEST(Scram, AgreesWithAKnownVector) {
  // RFC 7677 section 3: password "pencil", that salt, 4096 iterations; the keys follow from its exchange.
  const std::string salt = base64_decode("W22ZaJ0SNY7soEsUEjb6gQ==");
  EXPECT_EQ(scram_verifier(Secret("pencil"), salt),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
            "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
}

}  // namespace
}  // namespace datamesh::postgres
