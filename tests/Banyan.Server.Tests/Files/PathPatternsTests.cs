using System.Diagnostics;
using System.Text;
using Banyan.Server.Files;
using Banyan.Tests;

namespace Banyan.Server.Tests.Files;

/// <summary>Patterns mean what they mean to git, which is asked, and cost what is bounded.</summary>
public sealed class PathPatternsTests
{
    static readonly string[] s_words =
    [
        "a", "b", "ab", "*", "**", "?", "a*", "*b", "a?b", "*a*b*", "[ab]", "[!a]", "[^b]x", "[a-c]", "[]a]", "[[:alpha:]]", "[[:digit:]x]",
        "\\*", "\\a", "x y", "[", "a[", "*.bin", "a.bin", ".b",
    ];

    static string[] Lines(Random random) => [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ =>
    {
        var pattern = string.Join('/', Enumerable.Range(0, random.Next(1, 4)).Select(_ => s_words[random.Next(s_words.Length)]));
        return $"{(random.Next(4) == 0 ? "/" : "")}{pattern}{(random.Next(4) == 0 ? "/" : "")}";
    })];

    static string[] Paths(Random random)
    {
        string[] names = ["a", "b", "ab", "axb", "x", "c", "a.bin", "*", "x y", "1", "]", ".b", "aabb"];
        return [.. Enumerable.Range(0, 40)
            .Select(_ => string.Join('/', Enumerable.Range(0, random.Next(1, 5)).Select(_ => names[random.Next(names.Length)])))
            .Distinct()];
    }

    [Fact]
    public void What_gitignore_leaves_out_is_what_git_leaves_out()
    {
        using var git = new Repository();
        for (var seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            string[] lines = [.. Lines(random).Select(l => random.Next(4) == 0 ? "!" + l : l)];
            var paths = Paths(random);
            git.Write(".git/info/exclude", lines);
            var ignored = git.Run("check-ignore --no-index -z --stdin", string.Join('\0', paths)).Split('\0').ToHashSet();
            var ours = new Ignore(string.Join('\n', lines));
            foreach (var path in paths)
                Assert.True(ignored.Contains(path) == ours.LeavesOut(path),
                    $"seed {seed}: {path} by [{string.Join(" | ", lines)}]: git says {ignored.Contains(path)}");
        }
    }

    [Fact]
    public void What_gitattributes_sends_to_lfs_is_what_git_sends_there()
    {
        using var git = new Repository();
        for (var seed = 0; seed < 40; seed++)
        {
            var random = new Random(1000 + seed);
            string[] lines =
                [.. Lines(random)
                    .Select(l =>
                        $"{(l.Contains(' ') ? $"\"{l.Replace("\\", "\\\\")}\"" : l)} {(random.Next(3) == 0 ? "-filter" : "filter=lfs")}")];
            var paths = Paths(random);
            git.Write(".git/info/attributes", lines);
            var told = git.Run("check-attr -z --stdin filter", string.Join('\0', paths)).Split('\0');
            var ours = new Attributes(Encoding.UTF8.GetBytes(string.Join('\n', lines)));
            for (var i = 0; i < paths.Length; i++)
                Assert.True(told[3 * i + 2] == "lfs" == ours.IsLfs(paths[i]),
                    $"seed {seed}: {paths[i]} by [{string.Join(" | ", lines)}]: git says {told[3 * i + 2]}");
        }
    }

    [Fact]
    public void The_lines_of_a_new_repository_send_weights_and_archives_to_lfs()
    {
        var attributes = new Attributes(Encoding.UTF8.GetBytes(Attributes.Default));
        Assert.All(["m.safetensors", "a/b.gguf", "saved_model/x/y.pb2", "x.tar.gz", "logs/events.out.tfevents.1"],
            p => Assert.True(attributes.IsLfs(p), p));
        Assert.All(["README.md", "a/config.json", "saved_model", "x.gguf.txt"], p => Assert.False(attributes.IsLfs(p), p));
    }

    [Theory]
    [InlineData("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*[b]")]
    [InlineData("**/a*/**/a*/**/a*/**/a*/**/a*/**/[b]")]
    [InlineData("[!b][!b]*[a-zA-Z0-9_][!b]*?*?*?*?*?*[b]*")]
    [InlineData("?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*[c]")]
    public void Patterns_that_want_to_take_forever_take_as_many_steps_as_are_allowed(string pattern)
    {
        var patterns = new PathPatterns();
        for (var i = 0; i < 2 * PathPatterns.MaxWildcards; i++)
            patterns.Add(pattern, true);
        Assert.True(patterns.TooMany);
        var path = string.Join('/', Enumerable.Repeat("aaaa", 90).Append(new string('a', 250)));
        for (var i = 0; i < 2000; i++)
            Assert.Null(patterns.Find(path));
        Assert.True(patterns.IsExhausted);
    }

    [Fact]
    public void Fifty_thousand_files_with_lines_of_their_own_are_looked_up()
    {
        var paths = Enumerable.Range(0, 50_000).Select(i => $"data/part {i % 97}/file-{i}.wav").ToArray();
        var attributes = new Attributes(Attributes.With(Encoding.UTF8.GetBytes(Attributes.Default), paths));
        Assert.All(paths, p => Assert.True(attributes.IsLfs(p), p));
        Assert.False(attributes.IsTooMuch);
    }

    sealed class Repository : IDisposable
    {
        readonly string _folder = Directory.CreateTempSubdirectory("banyan-patterns-").FullName;

        public Repository() => Run("init -q", "");

        public void Write(string file, string[] lines)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_folder, file))!);
            File.WriteAllText(Path.Combine(_folder, file), string.Join('\n', lines) + "\n");
        }

        public string Run(string arguments, string input)
        {
            Process process;
            try
            {
                process =
                    Process.Start(new ProcessStartInfo("git", arguments)
                    {
                        WorkingDirectory = _folder,
                        RedirectStandardInput = true,
                        RedirectStandardOutput = true,
                        StandardOutputEncoding = Encoding.UTF8
                    })!;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                SharedData.Missing("git is not installed (apt install git)");
                throw;
            }
            using (process)
            {
                process.StandardInput.Write(input);
                process.StandardInput.Close();
                var output = process.StandardOutput.ReadToEnd();
                process.WaitForExit();
                return output;
            }
        }

        public void Dispose() => Directory.Delete(_folder, recursive: true);
    }
}
