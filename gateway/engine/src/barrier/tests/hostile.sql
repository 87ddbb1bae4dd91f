-- Each tries to run an expression on hidden rows, to learn of them by an error, or to see a raw value. One a line; the
-- tests against real servers ask them as well.
SELECT count(*) FROM t
SELECT 1 FROM t
SELECT min(id), max(id), count(id) FROM t
SELECT min(fare), max(fare) FROM t
SELECT * FROM t
SELECT spy(id) FROM t
SELECT spy_pure(id) FROM t
SELECT id FROM t WHERE spy(id) >= 0
SELECT id FROM t WHERE spy_pure(id) >= 0
SELECT id FROM t WHERE spy_pure(id) >= 0 OR true
SELECT id FROM t WHERE id >= 0 AND spy_pure(id) >= 0
SELECT id FROM t WHERE spy(id) >= 0 AND grp < 1000
SELECT count(*) FROM t WHERE 1 / CAST(fare AS BIGINT) >= 0
SELECT count(*) FROM t WHERE 1 / (CASE WHEN fare = 0 THEN 0 ELSE 1 END) = 1
SELECT count(*) FROM t WHERE CAST(city AS BIGINT) = 1
SELECT count(*) FROM t WHERE CAST(CAST(id AS VARCHAR) AS INT) < 0
SELECT id FROM t WHERE CAST(code AS BIGINT) = 3
SELECT id FROM t WHERE CAST(code AS BIGINT) BETWEEN 1 AND 9 OR CAST(code AS INT) IN (11, 12, 13, 14)
SELECT id FROM t WHERE CAST(code AS DOUBLE) < 4.5 AND grp < 1000
SELECT max(CAST(code AS BIGINT)) FROM t
SELECT a.id FROM t a JOIN (VALUES (3), (4)) v(k) ON CAST(a.code AS BIGINT) = v.k
SELECT id FROM t ORDER BY CAST(code AS BIGINT), id LIMIT 4
SELECT count(*) FROM t WHERE regexp_like(city, '(a+)+$')
SELECT count(*) FROM t WHERE email LIKE 'u1%'
SELECT count(*) FROM t WHERE email = 'u1@example.com'
SELECT count(*) FROM t WHERE name IS NOT NULL
SELECT count(*) FROM t WHERE name = 'Name 1'
SELECT count(*) FROM t WHERE born = DATE '1970-01-06'
SELECT born, count(*) FROM t GROUP BY born ORDER BY born
SELECT max(born), min(email), count(DISTINCT email), count(DISTINCT name) FROM t
SELECT CASE WHEN id >= 1000000 THEN 1 / (id - id) ELSE 0 END FROM t
SELECT coalesce(name, city, 'none') FROM t WHERE id < 500
SELECT id FROM t ORDER BY id DESC LIMIT 5
SELECT id FROM t ORDER BY spy_pure(id) DESC LIMIT 5
SELECT id FROM t ORDER BY fare, id LIMIT 3
SELECT id, row_number() OVER (ORDER BY fare, id) FROM t
SELECT id, sum(fare) OVER (PARTITION BY city ORDER BY id) FROM t
SELECT id, lag(born) OVER (ORDER BY id) FROM t
SELECT city, count(*) FROM t GROUP BY city HAVING count(*) > 1 AND min(spy_pure(id)) >= 0
SELECT city, sum(fare) FROM t GROUP BY city HAVING sum(1 / CAST(fare AS BIGINT)) >= 0
SELECT DISTINCT grp FROM t
SELECT a.id FROM t a JOIN t b ON a.id = b.id AND spy_pure(a.id) >= 0
SELECT a.id FROM t a JOIN t b ON a.id = spy_pure(b.id)
SELECT a.id FROM t a LEFT JOIN t b ON a.id = b.id AND b.fare = 0
SELECT a.id, b.id FROM t a FULL JOIN t b ON a.id = b.id
SELECT count(*) FROM t a JOIN t b USING (email)
SELECT count(*) FROM t a CROSS JOIN (SELECT 1) b WHERE spy_pure(a.id) >= 0
SELECT id FROM t WHERE EXISTS (SELECT 1 FROM t u WHERE u.id = t.id AND spy_pure(u.id) >= 0)
SELECT id FROM t WHERE id IN (SELECT spy_pure(id) FROM t)
SELECT id FROM t WHERE id NOT IN (SELECT id FROM t WHERE 1 / CAST(fare AS BIGINT) > 5)
SELECT (SELECT max(spy_pure(id)) FROM t)
SELECT id, (SELECT count(*) FROM t u WHERE u.grp = t.grp AND spy_pure(u.id) >= 0) FROM t
SELECT x.id FROM (SELECT id, fare FROM t) x WHERE 1 / CAST(x.fare AS BIGINT) >= 0
WITH c AS (SELECT id, fare FROM t WHERE spy_pure(id) >= 0) SELECT count(*) FROM c
WITH RECURSIVE r AS (SELECT 0 AS n, (SELECT max(id) FROM t) AS m UNION ALL SELECT n + 1, m FROM r WHERE n < 3) SELECT * FROM r
WITH RECURSIVE r AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM r JOIN t ON t.id = r.n WHERE n < 3) SELECT * FROM r
SELECT id FROM t UNION SELECT spy_pure(id) FROM t
SELECT email FROM t INTERSECT SELECT 'u1@example.com'
SELECT id FROM t EXCEPT SELECT id FROM t WHERE spy_pure(id) < 0
SELECT count(*) FROM t WHERE 1 = 1 / (SELECT count(*) FROM t WHERE id >= 1000000)
SELECT count(*) FROM t WHERE 1 = 0
SELECT count(*) FROM t WHERE 1 / 0 = 1
SELECT count(*) FROM t WHERE CAST('x' AS INT) = 1
SELECT count(*) FROM t WHERE CAST(concat('x', random()) AS INT) = 1
SELECT count(*) FROM t WHERE random() < 2 AND spy(id) >= 0
SELECT count(*) FROM (SELECT id FROM t WHERE spy_pure(id) >= 0 LIMIT 1)
SELECT city, array_agg(id ORDER BY id) FROM t GROUP BY city
SELECT count(*) FROM t WHERE id BETWEEN 1000000 AND 2000000
SELECT id FROM t WHERE id IN (1, 2, 3, 1000099) AND fare >= 0
SELECT a.id FROM t a JOIN (SELECT id FROM t WHERE fare < 3) b ON a.id = b.id WHERE spy_pure(a.id) >= 0
SELECT secret FROM t
SELECT count(*) FROM t WHERE secret LIKE 'secret%'
SELECT approx_distinct(email), median(fare) FROM t
SELECT t.city FROM t LEFT ANTI JOIN (SELECT id FROM t WHERE grp < 5) u ON t.id = u.id
