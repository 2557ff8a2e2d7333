using System.Text;
using Banyan.Server.Viewer;
using Banyan.Server.Viewer.Text;

namespace Banyan.Server.Tests.Viewer;

/// <summary>Text as rows: found by an index that is made as far as somebody looks.</summary>
public class TextTableTests
{
    static async Task<(TextTable Table, RowIndex Index)> OpenAsync(string extension, byte[] bytes)
    {
        var shape = TextShape.Of(extension, bytes.AsMemory(0, Math.Min(bytes.Length, TextShape.Window)), bytes.Length <= TextShape.Window);
        var index = new RowIndex(shape.Kind, shape.Separator, shape.Start, bytes.Length);
        var table = new TextTable(ParquetTests.BytesOf(bytes, 4L << 30), shape, index);
        await table.CountToAsync(long.MaxValue / 2, 1L << 30, default);
        return (table, index);
    }

    static string Show(IEnumerable<object?[]> rows) =>
        string.Join(";", rows.Select(r => string.Join("|", r.Select(c => Cell.Text(c, 80)))));

    [Theory]
    [InlineData(".csv", "a,b\n1,\"2\n\"\"3\"\"\"\n", "a:int b:string", "1|2\n\"3\"")]
    [InlineData(".csv", "a,b\r\n1,2\r\n3,", "a:int b:int", "1|2;3|null")]
    [InlineData(".csv", "\ufeffa;b\n1,5;2\n", "a:string b:int", "1,5|2")]
    [InlineData(".csv", "zip,n\n01234,1.50\n\n\n00001,2e3\n", "zip:int n:float", "01234|1.50;00001|2e3")]
    [InlineData(".csv", "a,b\n5\" disk,\"x\"\"\ny\"\n\"z\",w\n", "a:string b:string", "5\" disk|x\"\ny;z|w")]
    [InlineData(".csv", "a,b\n1,2,3\n4\n", "a:int b:int", "1|2;4|null")]
    [InlineData(".csv", "a,b", "a:string b:string", "")]
    [InlineData(".csv", "a,b\n1,\"never closed\n2,3\n", "a:int b:string", "1|never closed\n2,3")]
    [InlineData(".tsv", "a\tb\n1\t2\n", "a:int b:int", "1|2")]
    [InlineData(".csv", "a,a\n1,2\n", "a:int a:int", "1|2")]
    [InlineData(".jsonl", "{\"a\":1}\n{\"b\":[2, null],\"a\":\"x\"}\n", "a:mixed b:list", "1|null;x|[2, null]")]
    [InlineData(".jsonl", "{\"a\":1.5}\n\r\n{\"a\":\n{\"a\":2}", "a:float", "1.5;(this row is no JSON: {\"a\":\n);2")]
    [InlineData(".jsonl", "[1]\n\"x\"\n", "value:mixed", "[1];x")]
    [InlineData(".json", " [ {\"a\": \"],[\\\"\"}, {\"a\": {\"b\": [1,{}]}} ]\n", "a:mixed", "],[\";{\"b\": [1, {}]}")]
    [InlineData(".json", "[1,[2,3],[[4]]]", "value:mixed", "1;[2, 3];[[4]]")]
    [InlineData(".json", "[[1],[2]", "value:list", "[1];[2]")]
    [InlineData(".json", "{\"a\":1}\n{\"a\":2}\n", "a:int", "1;2")]
    [InlineData(".txt", "one\n\ntwo, three", "text:string", "one;two, three")]
    public async Task Rows_are_read(string extension, string text, string columns, string expected)
    {
        var (table, index) = await OpenAsync(extension, Encoding.UTF8.GetBytes(text));
        Assert.Equal(columns, string.Join(' ', table.Columns.Select(c => $"{c.Name}:{c.Type}")));
        Assert.Equal(expected, Show(await table.ReadAsync(0, 100, null, 100, default)));
        Assert.Equal(expected.Length == 0 ? 0 : expected.Split(';').Length, table.Rows);
        Assert.True(index.IsWhole);
    }

    [Theory]
    [InlineData(".csv", "", "is empty")]
    [InlineData(".json", "{\"a\": 1}", null)]
    [InlineData(".json", "{\n\"a\": 1\n}\n", "one value")]
    [InlineData(".jsonl", "no json\n", "are no JSON")]
    [InlineData(".csv", "a\0b", "not text")]
    public void What_has_no_rows_says_so(string extension, string text, string? message)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        if (message is null)
            Assert.NotEmpty(TextShape.Of(extension, bytes, true).Columns);
        else
            Assert.Contains(message, Assert.Throws<ViewerException>(() => TextShape.Of(extension, bytes, true)).Message);
    }

    [Fact]
    public async Task An_index_of_many_rows_stays_small_and_finds_each()
    {
        var text = new StringBuilder("n,t\n");
        for (var i = 0; i < 300_000; i++)
            text.Append(i).Append(i % 1000 == 7 ? ",\"two\nlines\"\n" : ",x\n");
        var (table, _) = await OpenAsync(".csv", Encoding.UTF8.GetBytes(text.ToString()));
        Assert.Equal(300_000, table.Rows);
        foreach (var row in new[] { 0, 15, 16, 131_071, 131_072, 200_007, 299_998 })
            Assert.Equal($"{row}|{(row % 1000 == 7 ? "two\nlines" : "x")};{row + 1}|x",
                Show(await table.ReadAsync(row, 2, null, 100, default)));
    }

    [Fact]
    public async Task A_file_that_is_one_long_row_costs_a_bounded_amount()
    {
        var bytes = new byte[40 << 20];
        bytes.AsSpan().Fill((byte)'x');
        "a,b\n"u8.CopyTo(bytes);
        var (table, _) = await OpenAsync(".csv", bytes);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("longer than 4 MiB", Show(await table.ReadAsync(0, 50, null, 100, default)));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 150 << 20);
        Assert.Contains("is no JSON",
            Show(await (await OpenAsync(".jsonl",
                [.. "{\"a\":1}\n"u8, .. Encoding.UTF8.GetBytes(new string('[', 100_000))])).Table.ReadAsync(0, 5, null, 100, default)));
    }

    [Theory]
    [InlineData("", "n", "gt", "2", "3;4")]
    [InlineData("", "n", "le", "1", "0;1")]
    [InlineData("", "n", "eq", "2.0", "2")]
    [InlineData("", "n", "ne", "2", "0;1;3;4")]
    [InlineData("", "t", "has", "B", "1")]
    [InlineData("", "t", "null", "", "3")]
    [InlineData("", "t", "some", "", "0;1;2;4")]
    [InlineData("", "t", "ge", "c", "2;4")]
    [InlineData("ह", null, "has", "", "4")]
    [InlineData("X", "n", "lt", "1", "0")]
    public async Task Rows_are_filtered(string text, string? column, string op, string value, string expected)
    {
        var (table, _) = await OpenAsync(".csv", Encoding.UTF8.GetBytes("n,t\n0,ax\n1,b\n2,c\n3,\n4,हिन्दी\n"));
        var filter = new RowFilter(text, column switch { "n" => 0, "t" => 1, _ => null }, op, value);
        Assert.Equal(expected, string.Join(";", (await table.ReadAsync(0, 100, null, 100, default)).Where(filter.Holds).Select(r => r[0])));
    }
}
